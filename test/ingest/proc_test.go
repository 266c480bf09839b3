//go:build prove

package ingest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage is what a process has consumed since it started.
type usage struct {
	CPU     time.Duration
	PeakRSS int64 // bytes, VmHWM of proc(5)
}

// readUsage reads /proc/PID/stat (utime and stime, in clock ticks of 1/100 s)
// and /proc/PID/status.
func readUsage(t *testing.T, pid int) usage {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	ticks := number(t, fields[11]) + number(t, fields[12])
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	u := usage{CPU: time.Duration(ticks) * 10 * time.Millisecond}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			u.PeakRSS = number(t, strings.Fields(rest)[0]) << 10
		}
	}
	return u
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
