package bpftest

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
)

// Two instances of a program are one, and what was spent before is not
// counted.
func TestMeasure(t *testing.T) {
	needRoot(t)
	now := []bpf.ProgramStats{{Name: "a", Runs: 10, Time: 100}, {Name: "b", Runs: 1}, {Name: "a", Runs: 20, Time: 200, Missed: 1}}
	spent := Measure(t, func() ([]bpf.ProgramStats, error) { return append([]bpf.ProgramStats{}, now...), nil })
	now[0].Runs, now[0].Time, now[2].Runs, now[2].Missed = 13, 130, 24, 3
	got := spent()
	if want := (bpf.ProgramStats{Name: "a", Runs: 7, Time: 30, Missed: 2}); got["a"] != want || got["b"].Runs != 0 {
		t.Errorf("got %+v", got)
	}
}

// The empty program runs for real: it costs something, and far less than the
// system calls that it is called from.
func TestEmpty(t *testing.T) {
	needRoot(t)
	Measure(t, func() ([]bpf.ProgramStats, error) { return nil, nil })
	perRun := Empty(t, "inet_sock_set_state")
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, unix.Listen(fd, 1))
	if d := perRun(); d <= 0 || d > time.Millisecond {
		t.Errorf("%v per run", d)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: attaches a kernel program")
	}
}
