package cpu

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/procfs"
)

const later = `cpu  1060 110 520 8090 305 21 82 62 230 14
cpu0 260 26 130 2070 76 5 20 11 55 3
cpu1 3 0 2 10 0 0 0 0 0 0
cpu2 10 0 2 10 0 0 0 0 0 0
cpu3 540 54 260 4020 154 11 42 41 125 9
`

func TestGather(t *testing.T) {
	dir, clock := inputtest.Machine(t, "testdata/quad"), inputtest.NewClock()
	in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture(dir), clock.Now), func(c *Config) {
		c.PerCPU = true
	})
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, inputs.ErrNoData) {
		t.Fatalf("the first time: %v", err)
	}
	clock.Add(10 * time.Second)
	inputtest.Write(t, filepath.Join(dir, "proc/stat"), later)
	inputtest.Write(t, filepath.Join(dir, "proc/loadavg"), "1.31 0.6 0.3 3/100 7\n")
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, true)

	// cpu1 was off and on again, cpu2 is new: nothing to compare with.
	if len(got.Records) != 3 {
		t.Errorf("%d points, want cpu-total, cpu0, cpu3", len(got.Records))
	}
	total := got.Find(t, "cpu", "cpu", "cpu-total")
	// 200 ticks passed: user 60 of which 30 guest, nice 10 of which 4 …
	for key, want := range map[string]float64{
		"usage_user": 15, "usage_nice": 3, "usage_system": 10, "usage_idle": 45, "usage_iowait": 2.5, "usage_irq": 0.5,
		"usage_softirq": 1, "usage_steal": 6, "usage_guest": 15, "usage_guest_nice": 2, "usage_total": 55,
		"core_temperature": 51.5, "load5s": 3,
	} {
		if v, ok := total.Number(key); !ok || math.Abs(v-want) > 1e-9 {
			t.Errorf("%s = %v, want %v", key, v, want)
		}
	}
	if total.Time != clock.Now().UnixNano() {
		t.Errorf("time %d", total.Time)
	}
	if _, ok := got.Find(t, "cpu", "cpu", "cpu0").Number("load5s"); ok {
		t.Error("load5s is not that of one CPU")
	}
}

func TestOptions(t *testing.T) {
	dir := inputtest.Machine(t, "testdata/quad")
	in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), func(c *Config) {
		c.Temperature, c.Load5s, c.Tags = false, false, map[string]string{"zone": "a"}
	})
	_ = in.Gather(t.Context(), &inputtest.Sink{})
	inputtest.Write(t, filepath.Join(dir, "proc/stat"), later)
	got := inputtest.Gather(t, in)
	got.Find(t, "cpu", "zone", "a")
	if len(got.Records) != 1 || len(got.Records[0].Fields) != 11 {
		t.Errorf("got %+v", got.Records)
	}
}

func TestErrors(t *testing.T) {
	dir := inputtest.Machine(t, "testdata/quad")
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), nil)
	inputtest.Write(t, filepath.Join(dir, "proc/stat"), "nonsense\n")
	if err := in.Gather(t.Context(), &inputtest.Sink{}); err == nil || !strings.Contains(err.Error(), "read stat") {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "proc/stat")); err != nil {
		t.Fatal(err)
	}
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	cfg := defaults()
	s, _ := config.ParseSections("x.conf", "[[inputs.cpu]]\ninterval = '10ms'\n", os.LookupEnv)
	if err := s[0].Decode(cfg, os.LookupEnv); err == nil || !strings.Contains(err.Error(), "10ms is shorter than 1s") {
		t.Errorf("error %v", err)
	}
}

func TestCompare(t *testing.T) {
	base := procfs.CPUTimes{Ticks: [procfs.CPUStates]uint64{100, 10, 50, 800, 30}}
	tests := []struct {
		name  string
		after [procfs.CPUStates]uint64
		ok    bool
		idle  float64
	}{
		{"nothing happened", base.Ticks, false, 0},
		{"iowait went back", [procfs.CPUStates]uint64{110, 10, 50, 890, 29}, true, 90},
		{"counts anew", [procfs.CPUStates]uint64{1, 0, 1, 1}, false, 0},
	}
	for _, tt := range tests {
		shares, ok := compare(&base, &procfs.CPUTimes{Ticks: tt.after})
		if ok != tt.ok || shares[procfs.Idle] != tt.idle {
			t.Errorf("%s: %v %v", tt.name, shares, ok)
		}
	}
}

// TestLoad simulates the kernel: whatever constant number of tasks runs is
// what comes out, whenever load1 is looked at.
func TestLoad(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, time.Minute} {
		for _, active := range []float64{0, 1, 7, 300} {
			var e loadEstimator
			load, clock := 4.0, inputtest.NewClock()
			if _, ok := e.next(load, clock.Now()); ok {
				t.Error("one reading tells nothing")
			}
			var got int64
			var ok bool
			for second := 1; second <= 120; second++ {
				clock.Add(time.Second)
				if second%5 == 0 {
					load = load*loadDecay + active*(1-loadDecay)
				}
				if clock.Now().Unix()%int64(every.Seconds()) == 0 {
					got, ok = e.next(math.Round(load*100)/100, clock.Now())
				}
			}
			if !ok || math.Abs(float64(got)-active) > 0.5 {
				t.Errorf("every %s: %d tasks, want %v", every, got, active)
			}
		}
	}
}

func TestSensorsThatFail(t *testing.T) {
	dir := inputtest.Machine(t, "testdata/quad")
	fs := inputtest.Fixture(dir)
	var s sensors
	if c, ok := s.mean(fs); !ok || c != 51.5 {
		t.Errorf("%v %v", c, ok)
	}
	inputtest.Write(t, filepath.Join(dir, "sys/class/hwmon/hwmon1/temp3_input"), "garbage")
	if c, ok := s.mean(fs); !ok || c != 50 {
		t.Errorf("one of two: %v %v", c, ok)
	}
	inputtest.Write(t, filepath.Join(dir, "sys/class/hwmon/hwmon1/temp2_input"), "")
	if _, ok := s.mean(fs); ok || s.files != nil {
		t.Error("broken sensors are asked again")
	}
}

// TestAgainstTheMachine burns CPU for a moment and compares what the input
// says with what /proc/stat says to a reader of its own.
func TestAgainstTheMachine(t *testing.T) {
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	_ = in.Gather(t.Context(), &inputtest.Sink{})
	idle0, total0 := idleTicks(t)
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
	}
	got := inputtest.Gather(t, in)
	idle1, total1 := idleTicks(t)
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	want := 100 * (idle1 - idle0) / (total1 - total0)
	if v, _ := got.Find(t, "cpu").Number("usage_idle"); math.Abs(v-want) > 10 {
		t.Errorf("usage_idle %v, want about %v", v, want)
	}
}

func idleTicks(t *testing.T) (idle, total float64) {
	t.Helper()
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	for i, word := range strings.Fields(line)[1:9] {
		n, ok := procfs.Uint([]byte(word))
		if !ok {
			t.Fatal(line)
		}
		total += float64(n)
		if i == 3 {
			idle = float64(n)
		}
	}
	return idle, total
}

func BenchmarkGather(b *testing.B) {
	in := inputtest.Build[Config](b, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	for b.Loop() {
		_ = in.Gather(b.Context(), &inputtest.Sink{})
	}
}
