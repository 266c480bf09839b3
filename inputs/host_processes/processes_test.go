package hostprocesses

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/point"
)

const containerID = "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeecafe"

// named lists the processes of a category.
func named(s *inputtest.Sink, c point.Category) (names []string) {
	for _, r := range s.Records {
		if r.Category == c {
			names = append(names, r.Tag("process_name"))
		}
	}
	slices.Sort(names)
	return names
}

func TestGather(t *testing.T) {
	dir, clock := inputtest.Machine(t, "testdata/node"), inputtest.NewClock()
	in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture(dir), clock.Now), func(c *Config) {
		c.OpenMetric, c.ListenPorts = true, true
	})
	first := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, first.Records, false)
	// One is too young, one ended while it was read.
	if got, want := named(first, point.Object), []string{"gone", "init", "kthreadd", "web) worker (x) with a long name"}; !slices.Equal(got, want) {
		t.Errorf("objects %q, want %q", got, want)
	}
	// Zombies and kernel threads have no command line.
	if got, want := named(first, point.Metric), []string{"init", "web) worker (x) with a long name"}; !slices.Equal(got, want) {
		t.Errorf("metrics %q, want %q", got, want)
	}
	stat := filepath.Join(dir, "proc/77/stat")
	text, err := os.ReadFile(stat)
	if err != nil {
		t.Fatal(err)
	}
	inputtest.Write(t, stat, strings.Replace(string(text), " 3000 2000 5 6 ", " 3600 2600 5 6 ", 1)) // 12 s more in 5 minutes
	inputtest.Write(t, filepath.Join(dir, "proc/uptime"), "10300.00 5.0\n")
	clock.Add(5 * time.Minute)
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, true)
	common := map[string]float64{
		"cpu_usage": 100 * 62.0 / 1300, "cpu_usage_top": 4, "rss": 2500 * float64(os.Getpagesize()), "vms": 52428800, "threads": 12,
		"mem_used_percent": 100 * 2500 * float64(os.Getpagesize()) / (1000000 * 1024), "open_files": 6,
		"proc_syscr": 11, "proc_syscw": 22, "proc_read_bytes": 4096, "proc_write_bytes": 8192,
		"voluntary_ctxt_switches": 123, "nonvoluntary_ctxt_switches": 45,
		"page_minor_faults": 1000, "page_children_minor_faults": 2000, "page_major_faults": 30, "page_children_major_faults": 40,
	}
	object := got.Find(t, Name, "name", "test-host_77", "username", "alice", "state", "sleep", "container_id", containerID)
	metric := got.Find(t, Name, "pid", "77", "username", "alice", "container_id", containerID, "cmdline", "/srv/web) worker (x) with a long name --port 8080")
	for key, want := range common {
		for _, r := range []inputtest.Record{object, metric} {
			if v, ok := r.Number(key); !ok || math.Abs(v-want) > 1e-9 {
				t.Errorf("%s %s = %v, want %v", r.Category, key, v, want)
			}
		}
	}
	for key, want := range map[string]float64{"pid": 77, "start_time": 1700009000_000, "started_duration": 1300} {
		if v, _ := object.Number(key); v != want {
			t.Errorf("%s = %v, want %v", key, v, want)
		}
	}
	for key, want := range map[string]string{"listen_ports": "[443,8080]", "work_directory": "/srv", "cmdline": "/srv/web) worker (x) with a long name --port 8080"} {
		if v := object.Field(key).AsString(); v != want {
			t.Errorf("%s = %s, want %s", key, v, want)
		}
	}
	checkMessage(t, object)
	if v := got.Find(t, Name, "process_name", "kthreadd", "username", "root").Field("cmdline").AsString(); v != "(kthreadd)" {
		t.Errorf("cmdline of a kernel thread: %s", v)
	}
	if r := got.Find(t, Name, "process_name", "gone", "username", "4242", "state", "zombie"); !r.Field("state_zombie").AsBool() {
		t.Error("state_zombie is false")
	}
}

func checkMessage(t *testing.T, object inputtest.Record) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(object.Field("message").AsString()), &m); err != nil {
		t.Fatal(err)
	}
	for _, f := range object.Fields {
		if _, ok := m[f.Key]; !ok && f.Key != "message" {
			t.Errorf("message lacks %s", f.Key)
		}
	}
	if m["username"] != "alice" || m["pid"] != 77.0 || m["state_zombie"] != false {
		t.Errorf("message %v", m)
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name            string
		change          func(*Config)
		objects, metric []string
	}{
		{"default", func(*Config) {}, []string{"gone", "init", "kthreadd", "web) worker (x) with a long name"}, nil},
		{"any age", func(c *Config) { c.MinRunTime = 0 }, []string{"gone", "init", "kthreadd", "web) worker (x) with a long name", "young"}, nil},
		{"containers", func(c *Config) { c.OnlyContainers = true }, []string{"web) worker (x) with a long name"}, nil},
		{"names of metrics", func(c *Config) { c.OpenMetric, c.ProcessName = true, []string{`^web`, "^none$"} },
			[]string{"gone", "init", "kthreadd", "web) worker (x) with a long name"}, []string{"web) worker (x) with a long name"}},
		{"cap", func(c *Config) { c.MaxProcesses = 3 }, []string{"gone", "init", "web) worker (x) with a long name"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture("testdata/node"), time.Now), tt.change)
			s := &inputtest.Sink{}
			err := in.Gather(t.Context(), s)
			if errors.Is(err, errTooMany) != (tt.name == "cap") || err != nil && tt.name != "cap" {
				t.Errorf("error %v", err)
			}
			objects := named(s, point.Object)
			if tt.name == "cap" { // 402 ends while it is read and has taken a place
				if len(objects) < 2 || !slices.Contains(objects, "web) worker (x) with a long name") {
					t.Errorf("objects %q", objects)
				}
				return
			}
			if !slices.Equal(objects, tt.objects) || !slices.Equal(named(s, point.Metric), tt.metric) {
				t.Errorf("objects %q, metrics %q", objects, named(s, point.Metric))
			}
		})
	}
}

// Objects and metrics have intervals of their own.
func TestIntervals(t *testing.T) {
	clock := inputtest.NewClock()
	in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture("testdata/node"), clock.Now), func(c *Config) {
		c.OpenMetric, c.ObjectInterval = true, 2*time.Minute
	})
	var objects, metrics []int
	for i := range 10 {
		s := inputtest.Gather(t, in)
		if len(named(s, point.Object)) > 0 {
			objects = append(objects, i)
		}
		if len(named(s, point.Metric)) > 0 {
			metrics = append(metrics, i)
		}
		clock.Add(30*time.Second - time.Millisecond) // timers may be early
	}
	if !slices.Equal(objects, []int{0, 4, 8}) || len(metrics) != 10 {
		t.Errorf("objects at %v, metrics at %v", objects, metrics)
	}
	c := defaults()
	if c.GatherInterval() != 5*time.Minute {
		t.Errorf("interval %s", c.GatherInterval())
	}
	if c.OpenMetric = true; c.GatherInterval() != 30*time.Second {
		t.Errorf("interval %s", c.GatherInterval())
	}
}

// A pid that is used again is another process.
func TestPIDReuse(t *testing.T) {
	dir, clock := inputtest.Machine(t, "testdata/node"), inputtest.NewClock()
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), clock.Now), nil)
	inputtest.Gather(t, in)
	stat := filepath.Join(dir, "proc/77/stat")
	text, err := os.ReadFile(stat)
	if err != nil {
		t.Fatal(err)
	}
	inputtest.Write(t, stat, strings.Replace(string(text), " 900000 ", " 900001 ", 1))
	inputtest.Write(t, filepath.Join(dir, "proc/77/cgroup"), "0::/\n")
	clock.Add(5 * time.Minute)
	r := inputtest.Gather(t, in).Find(t, Name, "name", "test-host_77")
	if _, ok := r.Number("cpu_usage_top"); ok || r.Tag("container_id") != "" {
		t.Errorf("it inherits from the one before: %+v", r.Tags)
	}
}

// Threads of the kernel are no metrics, so they are not even read for these:
// not until what has their pid is another process.
func TestThreadsOfTheKernelAreNotReadForMetrics(t *testing.T) {
	dir, clock := inputtest.Machine(t, "testdata/node"), inputtest.NewClock()
	in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture(dir), clock.Now), func(c *Config) {
		c.OpenMetric, c.ObjectInterval, c.MinRunTime = true, time.Hour, 0
	})
	inputtest.Gather(t, in)
	at := filepath.Join(dir, "proc/2")
	metrics := func() []string {
		clock.Add(30 * time.Second)
		return named(inputtest.Gather(t, in), point.Metric)
	}
	stat, err := os.ReadFile(filepath.Join(at, "stat"))
	if err != nil {
		t.Fatal(err)
	}
	program := strings.Replace(strings.Replace(string(stat), "kthreadd", "program", 1), " 2129984 ", " 4194560 ", 1)
	inputtest.Write(t, filepath.Join(at, "stat"), program)
	inputtest.Write(t, filepath.Join(at, "cmdline"), "program\x00")
	if got := metrics(); slices.Contains(got, "program") {
		t.Errorf("it was read: %q", got)
	}
	// A folder of another inode is another process.
	other := filepath.Join(dir, "proc/other")
	if err := errors.Join(os.CopyFS(other, os.DirFS(at)), os.RemoveAll(at), os.Rename(other, at)); err != nil {
		t.Fatal(err)
	}
	if got := metrics(); !slices.Contains(got, "program") {
		t.Errorf("it is not found: %q", got)
	}
}

// A command line may be megabytes.
func TestLongCommandLines(t *testing.T) {
	dir := inputtest.Machine(t, "testdata/node")
	inputtest.Write(t, filepath.Join(dir, "proc/77/cmdline"), "web\x00"+strings.Repeat("x", 2<<20)+"\x00")
	in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), func(c *Config) { c.OpenMetric = true })
	got := inputtest.Gather(t, in)
	object := got.Find(t, Name, "name", "test-host_77")
	if v := object.Field("cmdline").AsString(); len(v) != 4096 || !strings.HasPrefix(v, "web xxx") {
		t.Errorf("%d bytes", len(v))
	}
	if n := len(object.Field("message").AsString()); n > 3*4096 {
		t.Errorf("message of %d bytes", n)
	}
}

func TestErrors(t *testing.T) {
	dir := inputtest.Machine(t, "testdata/node")
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), nil)
	inputtest.Write(t, filepath.Join(dir, "proc/uptime"), "x")
	if err := in.Gather(t.Context(), &inputtest.Sink{}); err == nil || !strings.Contains(err.Error(), "read uptime") {
		t.Errorf("error %v", err)
	}
	nowhere := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(t.TempDir()), time.Now), nil)
	if err := nowhere.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	for key, change := range map[string]func(*Config){
		"object_interval": func(c *Config) { c.ObjectInterval = time.Second }, "metric_interval": func(c *Config) { c.MetricInterval = 0 },
		"process_name": func(c *Config) { c.ProcessName = []string{"("} }, "max_processes": func(c *Config) { c.MaxProcesses = 0 },
	} {
		c := defaults()
		change(c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestAgainstTheMachine looks at this process, about which the kernel tells
// by system calls too, and at the list that ps shows.
func TestAgainstTheMachine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	in := inputtest.Build(t, Factory(), inputtest.Env(hostfs.Root{}, time.Now), func(c *Config) {
		c.MinRunTime, c.ListenPorts, c.OpenMetric = 0, true, true
	})
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	me := got.Find(t, Name, "name", "test-host_"+strconv.Itoa(os.Getpid()))
	if v := me.Field("cmdline").AsString(); v != strings.Join(os.Args, " ") {
		t.Errorf("cmdline %q", v)
	}
	if dir, err := os.Getwd(); err != nil || me.Field("work_directory").AsString() != dir {
		t.Errorf("work_directory %q, want %s", me.Field("work_directory").AsString(), dir)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if v := me.Field("listen_ports").AsString(); v != "["+port+"]" {
		t.Errorf("listen_ports %s, want %s", v, port)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := me.Number("open_files"); math.Abs(v-float64(len(fds))) > 3 {
		t.Errorf("open_files %v, want about %d", v, len(fds))
	}
	out, err := exec.Command("ps", "-o", "user:32=,nlwp=,rss=,etimes=", "-p", strconv.Itoa(os.Getpid())).Output()
	if err != nil {
		t.Skipf("ps of procps does not run: %v", err)
	}
	w := strings.Fields(string(out))
	if me.Tag("username") != w[0] {
		t.Errorf("username %s, ps says %s", me.Tag("username"), w[0])
	}
	for key, want := range map[string]struct {
		text            string
		unit, tolerance float64
	}{"threads": {w[1], 1, 4}, "rss": {w[2], 1024, 16 << 20}, "started_duration": {w[3], 1, 2}} {
		n, err := strconv.ParseFloat(want.text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := me.Number(key); math.Abs(v-n*want.unit) > want.tolerance {
			t.Errorf("%s = %v, ps says %s", key, v, want.text)
		}
	}
	list, err := exec.Command("ps", "-e", "-o", "pid=").Output()
	if err != nil {
		t.Fatal(err)
	}
	if a, b := len(named(got, point.Object)), strings.Count(string(list), "\n"); math.Abs(float64(a-b)) > 30 {
		t.Errorf("%d objects, ps lists %d", a, b)
	}
}

func BenchmarkGather(b *testing.B) {
	for name, metrics := range map[string]bool{"objects": false, "metrics": true} {
		b.Run(name, func(b *testing.B) {
			in := inputtest.Build(b, Factory(), inputtest.Env(hostfs.Root{}, time.Now), func(c *Config) {
				c.MinRunTime, c.OpenMetric = 0, metrics
			}).(*input)
			records := 0
			for b.Loop() {
				in.objectsDue, in.metricsDue = time.Time{}, time.Time{}
				if metrics {
					in.objectsDue = time.Now().Add(time.Hour)
				}
				s := &inputtest.Sink{}
				if err := in.Gather(b.Context(), s); err != nil {
					b.Fatal(err)
				}
				records = len(s.Records)
			}
			b.ReportMetric(float64(len(in.procs)), "processes")
			b.ReportMetric(float64(records), "points")
		})
	}
}
