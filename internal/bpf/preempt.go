package bpf

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// constPreempted is the name in plugins/bpf/preempt.h.
const constPreempted = "tracepoints_are_preempted"

// tracepointsArePreempted reports whether the programs of tracepoints run
// with preemption enabled: up to 6.18 tracepoints kept the CPU for them, 7.x
// guards them by SRCU instead. What lies between is taken for the latter,
// which costs a little and is never wrong.
func tracepointsArePreempted() (bool, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false, fmt.Errorf("read kernel version: %w", err)
	}
	return after618(unix.ByteSliceToString(u.Release[:])), nil
}

func after618(release string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return true
	}
	return major > 6 || major == 6 && minor > 18
}
