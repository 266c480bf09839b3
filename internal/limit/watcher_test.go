package limit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// feed observes one usage per second and returns the second in which a limit
// was exceeded first, -1 for never.
func feed(w *Watcher, seconds int, usage func(second int) Usage) (int, *Exceeded) {
	start := time.Unix(1_000_000, 0)
	for s := range seconds {
		if e := w.observe(start.Add(time.Duration(s)*time.Second), usage(s)); e != nil {
			return s, e
		}
	}
	return -1, nil
}

func TestObserve(t *testing.T) {
	cpu := func(cores func(second int) float64) func(int) Usage {
		var used float64
		return func(s int) Usage {
			used += cores(s)
			return Usage{CPU: time.Duration(used * float64(time.Second))}
		}
	}
	nic := func(name string, traffic func(second int) Traffic) func(int) Usage {
		return func(s int) Usage { return Usage{NICs: map[string]Traffic{name: traffic(s)}} }
	}
	for name, tc := range map[string]struct {
		limits Limits
		usage  func(int) Usage
		at     int // second; -1 for never
		key    string
		where  string
	}{
		"no limit":               {Limits{}, cpu(func(int) float64 { return 64 }), -1, "", ""},
		"cpu at its limit":       {Limits{CPU: 2}, cpu(func(int) float64 { return 2 }), -1, "", ""},
		"cpu above":              {Limits{CPU: 2}, cpu(func(int) float64 { return 2.5 }), 10, "cpu_limit", ""},
		"cpu burst":              {Limits{CPU: 2}, cpu(func(s int) float64 { return map[bool]float64{true: 6, false: 0.5}[s%10 < 2] }), -1, "", ""},
		"cpu idle for long":      {Limits{CPU: 1}, cpu(func(s int) float64 { return map[bool]float64{true: 2}[s >= 60] }), 65, "cpu_limit", ""},
		"memory counts at once":  {Limits{Mem: 100}, func(s int) Usage { return Usage{RSS: int64(s) * 40} }, 3, "mem_limit", ""},
		"memory at its limit":    {Limits{Mem: 100}, func(int) Usage { return Usage{RSS: 100} }, -1, "", ""},
		"rx above":               {Limits{Net: 10}, nic("eth0", func(s int) Traffic { return Traffic{RX: uint64(s) * 11} }), 10, "net_limit", "eth0 rx"},
		"tx above":               {Limits{Net: 10}, nic("eth0", func(s int) Traffic { return Traffic{TX: uint64(s) * 11} }), 10, "net_limit", "eth0 tx"},
		"rx and tx do not add":   {Limits{Net: 10}, nic("eth0", func(s int) Traffic { return Traffic{uint64(s) * 9, uint64(s) * 9} }), -1, "", ""},
		"interface is replaced":  {Limits{Net: 10}, nic("eth0", func(s int) Traffic { return Traffic{RX: uint64(s%5) * 10} }), -1, "", ""},
		"interface just came":    {Limits{Net: 10}, func(s int) Usage { return map[bool]Usage{true: {NICs: map[string]Traffic{"x": {RX: 1e9}}}}[s > 55] }, -1, "", ""},
		"counters that go back":  {Limits{CPU: 1}, func(s int) Usage { return Usage{CPU: time.Duration(100-s) * time.Hour} }, -1, "", ""},
		"other limits, only cpu": {Limits{Mem: 1e9, Net: 1e9}, cpu(func(int) float64 { return 64 }), -1, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			at, exceeded := feed(&Watcher{Limits: tc.limits}, 70, tc.usage)
			if at != tc.at {
				t.Fatalf("exceeded in second %d (%v), want %d", at, exceeded, tc.at)
			}
			if exceeded != nil && (exceeded.Key != tc.key || exceeded.Where != tc.where) {
				t.Errorf("exceeded %q at %q, want %q at %q", exceeded.Key, exceeded.Where, tc.key, tc.where)
			}
		})
	}
}

// The reference judged the average since the start of the process: a collector
// that idled for a day could burn for hours before it showed.
func TestWindowForgets(t *testing.T) {
	w := &Watcher{Limits: Limits{CPU: 1}, Window: 10 * time.Second}
	if at, _ := feed(w, 100_000, func(int) Usage { return Usage{} }); at != -1 {
		t.Fatal("an idle process exceeded its limit")
	}
	if len(w.samples) > 12 {
		t.Errorf("the watcher keeps %d samples for a window of 10", len(w.samples))
	}
}

func TestExceededSaysHowMuch(t *testing.T) {
	_, cpu := feed(&Watcher{Limits: Limits{CPU: 2}}, 70, func(s int) Usage { return Usage{CPU: time.Duration(s) * 2310 * time.Millisecond} })
	if got, want := cpu.Error(), "cpu_limit exceeded: 2.31 cores used, 2 allowed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	_, net := feed(&Watcher{Limits: Limits{Net: 100 << 20}}, 70, func(s int) Usage {
		return Usage{NICs: map[string]Traffic{"eth0": {TX: uint64(s) * 123 << 20}}}
	})
	if got, want := net.Error(), "net_limit exceeded: 123 MiB/s used, 100 MiB/s allowed (eth0 tx)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestRun(t *testing.T) {
	t.Run("ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			w := &Watcher{Limits: Limits{Mem: 100}, Now: time.Now, Read: func() (Usage, error) { return Usage{RSS: 100}, nil }}
			if err := w.Run(ctx); err != nil {
				t.Errorf("Run returned %v", err)
			}
		})
	})
	t.Run("returns what was exceeded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			w := &Watcher{Limits: Limits{CPU: 1}, Now: time.Now, Read: func() (Usage, error) { return Usage{CPU: 2 * time.Since(start)}, nil }}
			var exceeded *Exceeded
			if err := w.Run(t.Context()); !errors.As(err, &exceeded) || exceeded.Key != "cpu_limit" {
				t.Errorf("Run returned %v", err)
			}
			if took := time.Since(start); took != DefaultWindow {
				t.Errorf("it took %v, want one window", took)
			}
		})
	})
	t.Run("an unreadable usage exceeds nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			w := &Watcher{Limits: Limits{Mem: 1}, Now: time.Now, Read: func() (Usage, error) { return Usage{}, errors.New("no /proc") }}
			if err := w.Run(ctx); err != nil {
				t.Errorf("Run returned %v", err)
			}
			if got := w.Last().Err; got != "no /proc" {
				t.Errorf("the last reading says %q", got)
			}
		})
	})
}
