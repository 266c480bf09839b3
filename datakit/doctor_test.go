package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/ebpf"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/plugins"
)

// machine is a host as a doctor sees it.
type machine struct {
	release string
	btf     bool
	mounts  string
	caps    string
	free    int64
}

// healthyMachine has all that the collectors need.
func healthyMachine() machine {
	return machine{release: "6.12.1-amd64", btf: true, mounts: "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", caps: "000001ffffffffff", free: 100 << 30}
}

// examiner returns a doctor of the machine, whose agent and collectors do not
// run, and whose configuration is m and the named inputs.
func examiner(t *testing.T, host machine, m *config.Main, inputNames ...string) *doctor {
	t.Helper()
	root := t.TempDir()
	write := func(text string, path ...string) {
		t.Helper()
		name := filepath.Join(append([]string{root}, path...)...)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(host.mounts, "proc", "self", "mounts")
	for _, pid := range []string{"100", "200"} {
		write("Name:\tx\nCapEff:\t"+host.caps+"\n", "proc", pid, "status")
	}
	if host.btf {
		write(strings.Repeat("x", 4096), "sys", "kernel", "btf", "vmlinux")
	}
	s := &settings{main: m}
	for _, name := range inputNames {
		in := inputConfig{factory: inputs.Factory{Name: name, New: func(any, inputs.Env) (any, error) { return nil, nil }}}
		if name == "ebpf" {
			in.cfg = &ebpf.Config{Name: "ebpf", Cmd: "externals/datakit-ebpf", EnabledPlugins: []string{"ebpf-net", "ebpf-bash"}}
		}
		s.inputs = append(s.inputs, in)
	}
	return &doctor{
		layout: layout{filepath.Join(root, "dk")}, pid: 100, now: func() time.Time { return fixedNow() },
		host:     hostfs.Root{ProcDir: filepath.Join(root, "proc"), SysDir: filepath.Join(root, "sys")},
		settings: func(layout, []inputs.Factory) (*settings, error) { return s, nil },
		state:    func(context.Context) (httpapi.State, error) { return httpapi.State{}, httpapi.ErrNotRunning },
		external: func(context.Context, string, []string) ([]plugins.State, error) { return nil, fs.ErrNotExist },
		uname:    func() (string, string, error) { return host.release, "x86_64", nil },
		space:    func(string) (diskSpace, error) { return diskSpace{free: host.free, inodes: 1 << 20}, nil },
		probe: func(_ context.Context, b config.Backend) (dataway.Probe, error) {
			return dataway.Probe{Latency: 12 * time.Millisecond, Skew: time.Second, Reply: dataway.Reply{Verdict: dataway.Done, Date: fixedNow()}}, nil
		},
	}
}

// report renders what a doctor found, with the folders of the test replaced.
func report(t *testing.T, d *doctor) (*diagnosis, string) {
	t.Helper()
	found := d.examine(t.Context())
	var b strings.Builder
	if err := found.write(&b, false); err != nil {
		t.Fatal(err)
	}
	return found, strings.ReplaceAll(b.String(), d.layout.home, "/dk")
}

func hooks() []plugins.State {
	return []plugins.State{
		{Name: "ebpf-net", Phase: plugins.PhaseRunning, Hooks: []plugins.Hook{
			{Feature: "tcp state", Attach: "tp_btf/inet_sock_set_state", Rung: 2, OK: true},
			{Feature: "accepting process", Attach: "fexit/inet_csk_accept", Rung: 4, Reason: "permission denied"},
			{Feature: "accepting process", Attach: "cgroup/getpeername4", Rung: 3, OK: true, Reason: "fexit is refused"},
			{Feature: "udp bytes", Attach: "cgroup/sendmsg4", Rung: 3, Reason: "no cgroup v2"},
		}},
		{Name: "ebpf-bash", Phase: plugins.PhaseFailed, Error: "not supported: uprobes need CONFIG_UPROBES"},
	}
}

// busyState is a running agent with a bit of everything.
func busyState() httpapi.State {
	now := fixedNow()
	return httpapi.State{
		About: httpapi.About{Version: "1.2.3", Hostname: "h1"}, PID: 100, Home: "/dk", Started: now.Add(-time.Hour),
		Inputs: []httpapi.InputState{
			{Input: "cpu", Place: "host/cpu.conf:1", Phase: "running", Gathers: 6, Points: 48, Duration: 3 * time.Millisecond},
			{Input: "disk", Place: "host/disk.conf:1", Phase: "running", LastError: "statfs /mnt: stale handle"},
			{Input: "ebpf", Place: "host/ebpf.conf:1", Phase: "running", Since: now.Add(-time.Hour)},
			{Input: "x", Place: "x.conf:9", Phase: "restart", Since: now.Add(-time.Minute), LastError: "boom"},
		},
		Children: []httpapi.ChildState{
			{Name: "ebpf", Phase: "running", PID: 200, Since: now.Add(-10 * time.Minute), Restarts: 1, RSS: 60 << 20, CPU: 0.02, Error: "killed", Plugins: hooks()},
			{Name: "mine", Phase: "waiting", Since: now.Add(-time.Minute), Error: "exit status 3"},
		},
		Queue: httpapi.QueueState{Dir: "/dk/data/queue", Bytes: 1 << 30, MaxBytes: 2 << 30, DamagedRegions: 2, DamagedBytes: 300, Cursors: []httpapi.CursorState{
			{Backend: "b1", Category: "network", Queued: 40, Oldest: now.Add(-time.Minute)},
			{Backend: "b1", Category: "metric", Queued: 2, Oldest: now.Add(-2 * time.Minute)},
			{Backend: "b2", Category: "network"},
		}},
		Backends: []httpapi.BackendState{
			{Backend: "b1", Failures: 3, Since: now.Add(-2 * time.Minute), NextTry: now.Add(5 * time.Second), LastError: "connection refused"},
			{Backend: "b2", LastSuccess: now.Add(-3 * time.Second), Traffic: []httpapi.TrafficState{{Category: "network", DeadLetters: map[string]int64{"rejected": 7}}}},
			{Backend: "b3", Alarm: "401 Unauthorized"},
		},
		Accounts: append(exampleAccounts(2), ledger.Account{Name: "points/b2", Unit: "points"}),
		Errors:   []httpapi.LastError{{Input: "mine", Source: "job", Text: "cannot log in", Time: now.Add(-time.Minute), Count: 4}},
	}
}

func threeBackends() *config.Main {
	m := config.DefaultMain()
	for _, name := range []string{"b1", "b2", "b3"} {
		m.Backends = append(m.Backends, config.Backend{Name: name, Kind: config.KindInflux1, URL: "http://127.0.0.1:1", DB: "d"})
	}
	return m
}

// TestDoctorGolden covers one machine where all is well and one where nothing is.
func TestDoctorGolden(t *testing.T) {
	t.Run("well", func(t *testing.T) {
		d := examiner(t, healthyMachine(), threeBackends(), "cpu", "ebpf")
		state := busyState()
		state.Inputs, state.Children, state.Backends = state.Inputs[:1], state.Children[:1], state.Backends[1:2]
		state.Backends[0].Traffic = nil
		state.Children[0].Error = ""
		state.Children[0].Plugins = state.Children[0].Plugins[:1]
		state.Children[0].Plugins[0].Hooks = state.Children[0].Plugins[0].Hooks[:3]
		state.Queue.DamagedRegions, state.Queue.Cursors = 0, nil
		state.Accounts, state.Errors = exampleAccounts(0)[1:], nil
		d.state = func(context.Context) (httpapi.State, error) { return state, nil }
		found, text := report(t, d)
		if !found.Healthy || found.Problems+found.Warnings != 0 {
			t.Errorf("%d problems, %d warnings", found.Problems, found.Warnings)
		}
		golden(t, "doctor-well.txt", text)
	})
	t.Run("ill", func(t *testing.T) {
		d := examiner(t, machine{release: "4.19.0-5-amd64", caps: "0000000000002000", free: 1 << 20}, threeBackends(), "cpu", "ebpf")
		d.state = func(context.Context) (httpapi.State, error) { return busyState(), nil }
		d.probe = func(_ context.Context, b config.Backend) (dataway.Probe, error) {
			switch b.Name {
			case "b1":
				return dataway.Probe{}, errors.New("post to backend \"b1\": connection refused")
			case "b2":
				return dataway.Probe{Latency: time.Second, Skew: time.Minute, Reply: dataway.Reply{Date: fixedNow()}}, nil
			default:
				return dataway.Probe{Skew: -time.Hour, Reply: dataway.Reply{Date: fixedNow()}}, errors.New("401 Unauthorized")
			}
		}
		found, text := report(t, d)
		if found.Healthy {
			t.Error("healthy")
		}
		golden(t, "doctor-ill.txt", text)
	})
}

// finds runs a doctor and looks for findings.
func finds(t *testing.T, d *doctor, want ...string) {
	t.Helper()
	_, text := report(t, d)
	for _, w := range want {
		if !strings.Contains(text, w+"\n") {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

func TestDoctorOffline(t *testing.T) {
	d := examiner(t, healthyMachine(), config.DefaultMain(), "ebpf")
	storedQueueIn(t, d.layout)
	d.external = func(_ context.Context, path string, enabled []string) ([]plugins.State, error) {
		if want := filepath.Join(d.layout.home, "externals", "datakit-ebpf"); path != want || len(enabled) != 2 {
			t.Errorf("asked %s for %v, want %s and two plugins", path, enabled, want)
		}
		found := hooks()[:1]
		found[0].Phase = phaseLoads
		return found, nil
	}
	finds(t, d,
		"  ! is not running (home /dk); what follows is what can be seen without it",
		"  ✓ 7 points wait in /dk/data/queue",
		"  ✓ ebpf-net loads",
		"    ✓ tcp state: tp_btf/inet_sock_set_state, rung 2 (tracepoint)",
		"    · not attached, another serves: accepting process: fexit/inet_csk_accept, rung 4 (fentry or fexit)\n        permission denied",
		"    ✗ not attached: udp bytes: cgroup/sendmsg4, rung 3 (stable program type)\n        no cgroup v2",
		"  · none is configured; points stay in /dk/data/store",
	)
}

func storedQueueIn(t *testing.T, l layout) {
	t.Helper()
	dir := filepath.Join(l.home, "data", "queue")
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	storedQueue(t, dir)
}

// Without the eBPF input, what it would need is no problem.
func TestDoctorNeedsNothingForNothing(t *testing.T) {
	d := examiner(t, machine{release: "4.19.0", caps: "0", free: 100 << 30}, config.DefaultMain(), "cpu")
	found, text := report(t, d)
	if !found.Healthy {
		t.Error(text)
	}
}

func TestDoctorExternal(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		wanted bool
		want   string
	}{
		"missing":           {fs.ErrNotExist, true, "  ✗ /dk/externals/datakit-ebpf does not exist"},
		"missing, unwanted": {fs.ErrNotExist, false, "  · /dk/externals/datakit-ebpf does not exist"},
		"broken":            {errors.New("exec format error"), true, "  ✗ /dk/externals/datakit-ebpf doctor: exec format error"},
		"broken, unwanted":  {errors.New("exec format error"), false, "  ! /dk/externals/datakit-ebpf doctor: exec format error"},
	} {
		t.Run(name, func(t *testing.T) {
			var names []string
			if test.wanted {
				names = []string{"ebpf"}
			}
			d := examiner(t, healthyMachine(), config.DefaultMain(), names...)
			d.external = func(context.Context, string, []string) ([]plugins.State, error) { return nil, test.err }
			finds(t, d, test.want)
		})
	}
}

func TestDoctorBadConfiguration(t *testing.T) {
	d := examiner(t, healthyMachine(), nil)
	d.settings = func(layout, []inputs.Factory) (*settings, error) {
		return nil, &config.Error{File: "datakit.conf", Line: 3, Key: "queue.max_size", Msg: "is too small"}
	}
	found, text := report(t, d)
	if found.Healthy || !strings.Contains(text, "datakit.conf") || !strings.Contains(text, "is too small") {
		t.Error(text)
	}
}

// The external is asked by running it; a script plays its part.
func TestAskExternal(t *testing.T) {
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "external")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	report, err := json.Marshal(externalReport{Plugins: []plugins.Report{
		{Name: "ebpf-net", OK: true, Hooks: hooks()[0].Hooks}, {Name: "ebpf-bash", Error: "not supported"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path    string
		plugins int
		want    string
	}{
		"report":             {script(`[ "$*" = "doctor --json --enabled a,b" ] && echo '` + string(report) + `'`), 2, ""},
		"report of problems": {script(`echo '` + string(report) + `'; exit 1`), 2, ""},
		"fails":              {script(`echo no such command >&2; exit 2`), 0, "exit status 2: no such command"},
		"prints nonsense":    {script(`echo hello`), 0, "prints no report"},
		"missing":            {"/nonexistent/x", 0, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := askExternal(t.Context(), test.path, []string{"a", "b"})
			if len(got) != test.plugins || fmt.Sprint(err) != test.want && (test.want == "" && err != nil || test.want != "" && !strings.Contains(fmt.Sprint(err), test.want)) {
				t.Errorf("%d plugins, %v; want %d, %q", len(got), err, test.plugins, test.want)
			}
			if len(got) == 2 && (got[0].Phase != phaseLoads || len(got[0].Hooks) != 4 || got[1].Phase != plugins.PhaseFailed || got[1].Error != "not supported") {
				t.Errorf("states = %+v", got)
			}
		})
	}
}

func TestTooOld(t *testing.T) {
	for release, want := range map[string]bool{
		"5.10.0-28-amd64": false, "5.9.16": true, "4.19.0-5-amd64": true, "6.1.0": false, "10.0": false, "5.4": true,
		"5.15-rc1": false, "nonsense": false, "": false, "5": false,
	} {
		if got := tooOld(release); got != want {
			t.Errorf("%q: %v, want %v", release, got, want)
		}
	}
}

// The kernel's own view of this process is the oracle: what the doctor reads
// must be what a missing capability really is.
func TestEffectiveOfThisProcess(t *testing.T) {
	have, err := effective(hostfs.Root{}, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	probe := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(probe, nil, 0); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(probe) // mode 0: only CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH opens it
	if err == nil {
		f.Close()
	}
	const dacOverride, dacReadSearch = 1, 2
	if can := have.has(dacOverride) || have.has(dacReadSearch); can != (err == nil) {
		t.Errorf("capability says %v, open says %v", can, err)
	}
}

func TestSpaceOf(t *testing.T) {
	dir := t.TempDir()
	here, err := spaceOf(dir)
	if err != nil || here.free <= 0 {
		t.Fatalf("%+v, %v", here, err)
	}
	below, err := spaceOf(filepath.Join(dir, "not", "there", "yet"))
	if err != nil || below.free <= 0 {
		t.Errorf("%+v, %v", below, err)
	}
}

func TestDoctorCommand(t *testing.T) {
	state := busyState()
	a := startFakeAgent(t, state)
	code, out, errOut := cli(t, a.home, "doctor", "--json")
	var found diagnosis
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatal(err, errOut)
	}
	if code != 1 || found.Healthy || found.Problems == 0 || found.Sections[0].Findings[0].Level != levelOK {
		t.Errorf("exit %d, %+v", code, found)
	}
	if code, out, _ := cli(t, a.home, "doctor"); code != 1 || strings.Contains(out, "\x1b[") {
		t.Errorf("exit %d, colours without a terminal: %q", code, out)
	}
}

func TestDiagnosisColours(t *testing.T) {
	var s section
	s.Title = "X"
	s.problem("two\nlines")
	var d diagnosis
	d.add(s)
	d.add(section{Title: "empty"})
	var b strings.Builder
	if err := d.write(&b, true); err != nil {
		t.Fatal(err)
	}
	if want := "X\n  \x1b[31m✗\x1b[0m two\n    lines\n\n1 problem, 0 warnings.\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
}

func TestNextTryIsNeverInThePast(t *testing.T) {
	for in, want := range map[time.Duration]string{
		-time.Minute: "trying again now", 0: "trying again now", 999 * time.Millisecond: "trying again now",
		5400 * time.Millisecond: "next try in 5s", time.Minute: "next try in 1m0s",
	} {
		if got := nextTry(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
