package ebpfnet

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// stormBytes is what a connection of a storm carries, each way.
const stormBytes = 100

// storm makes n connections over loopback, one after the other, both ends in
// one thread and nothing but system calls: as many as a CPU can make, with
// warm caches. That is when their cost matters. The server closes first. It
// returns the CPU time of all.
func storm(n int) (cpu time.Duration, err error) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(listener)
	if err := errors.Join(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(listener, 1)); err != nil {
		return 0, err
	}
	at, err := unix.Getsockname(listener)
	if err != nil {
		return 0, err
	}
	begin, err := cpuTime()
	if err != nil {
		return 0, err
	}
	for range n {
		if err := stormOne(listener, at); err != nil {
			return 0, err
		}
	}
	end, err := cpuTime()
	return end - begin, err
}

// cpuTime is what the process used, in user mode and in the kernel; the
// softirqs of loopback run inside its system calls.
func cpuTime() (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return time.Duration(t.Nano()), err
}

func stormOne(listener int, at unix.Sockaddr) error {
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(client, at); err != nil {
		return err
	}
	server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err != nil {
		return err
	}
	buf := make([]byte, stormBytes)
	for _, pass := range []struct{ from, to int }{{client, server}, {server, client}} {
		if _, err := unix.Write(pass.from, buf); err != nil {
			return err
		}
		if _, err := unix.Read(pass.to, buf); err != nil {
			return err
		}
	}
	return errors.Join(unix.Close(server), unix.Close(client))
}
