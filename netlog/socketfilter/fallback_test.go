package socketfilter

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/packet"
)

// unprivileged runs do on a thread that may not use eBPF, and ends with it.
func unprivileged(t *testing.T, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: no other goroutine gets this thread
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		if err := unix.Capget(&header, &data[0]); err != nil {
			done <- err
			return
		}
		for _, c := range []int{unix.CAP_BPF, unix.CAP_SYS_ADMIN} {
			data[c/32].Effective &^= 1 << (c % 32)
		}
		if err := unix.Capset(&header, &data[0]); err != nil {
			done <- err
			return
		}
		do()
	}()
	must(t, <-done)
}

// Where eBPF is refused the filter is a classic one.
func TestFallsBack(t *testing.T) {
	needRoot(t)
	if sysctl, err := os.ReadFile("/proc/sys/kernel/unprivileged_bpf_disabled"); err != nil || strings.TrimSpace(string(sysctl)) == "0" {
		t.Skip("kernel.unprivileged_bpf_disabled is 0: everybody may load socket filters")
	}
	p, err := filter.Compile("tcp && port == 80")
	must(t, err)
	unprivileged(t, func() {
		f, err := New(p, Config{Link: packet.LinkEthernet, Snap: snap})
		if err != nil {
			t.Error(err)
			return
		}
		if f.Kind() != "classic" || f.Capture().Classic == nil || f.Capture().Program != nil {
			t.Errorf("a filter of kind %s", f.Kind())
		}
		if counts, err := f.Dropped(); counts != nil || err != nil {
			t.Errorf("a classic filter counts: %v, %v", counts, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}
