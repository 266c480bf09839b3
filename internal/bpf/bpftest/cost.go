// Package bpftest measures what kernel programs cost, for tests and
// benchmarks.
package bpftest

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"datakit.dev/agent/internal/bpf"
)

// runTime is BPF_STATS_RUN_TIME of include/uapi/linux/bpf.h.
const runTime = 0

// Measure lets the kernel gather statistics until the test ends. spent is
// what was spent since, by program; all instances of one together.
func Measure(t testing.TB, stats func() ([]bpf.ProgramStats, error)) (spent func() map[string]bpf.ProgramStats) {
	t.Helper()
	gathering, err := ebpf.EnableStats(runTime)
	must(t, err)
	t.Cleanup(func() { gathering.Close() })
	begin, err := stats()
	must(t, err)
	return func() map[string]bpf.ProgramStats {
		t.Helper()
		now, err := stats()
		must(t, err)
		all := map[string]bpf.ProgramStats{}
		for i, s := range now {
			sum := all[s.Name]
			sum.Name = s.Name
			sum.Runs += s.Runs - begin[i].Runs
			sum.Time += s.Time - begin[i].Time
			sum.Missed += s.Missed - begin[i].Missed
			all[s.Name] = sum
		}
		return all
	}
}

// Empty attaches a program that does nothing to a tracepoint of BTF: what the
// kernel's statistics say of it is what measuring costs by itself, most of it
// reading the clock.
func Empty(t testing.TB, tracepoint string) (perRun func() time.Duration) {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: tracepoint, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	must(t, err)
	t.Cleanup(func() { p.Close() })
	l, err := link.AttachTracing(link.TracingOptions{Program: p})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return func() time.Duration {
		t.Helper()
		s, err := p.Stats()
		must(t, err)
		return s.Runtime / time.Duration(max(s.RunCount, 1))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
