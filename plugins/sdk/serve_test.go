package sdk

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/rpc"
)

func command(t *testing.T, hosted bool, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // "run" ends at once
	good := factory("good", &actor{hooks: []plugins.Hook{{Feature: "tcp state", Attach: "tp_btf/x", Rung: 2, OK: true}}})
	bad := factory("bad", &actor{load: func() error { return plugins.ErrNotSupported }})
	worse := factory("worse", &actor{load: func() error { panic("oops") }})
	out, errs := &buffer{}, &buffer{}
	code = serve(ctx, program(good, bad, worse), process{args: args, stdout: out, stderr: errs, fs: hostfs.Root{}, hosted: hosted})
	return code, out.String(), errs.String()
}

func TestCommandLine(t *testing.T) {
	for name, tc := range map[string]struct {
		hosted bool
		args   []string
		code   int
		out    string // stdout or stderr hold it
	}{
		"help teaches":          {false, nil, 0, "The agent, datakit, starts it"},
		"help lists plugins":    {false, []string{"--help"}, 0, "Help of good."},
		"version":               {false, []string{"version"}, 0, "prog 1.2.3 go"},
		"completion":            {false, []string{"completion", "bash"}, 0, "bash completion"},
		"unknown command":       {false, []string{"fly"}, rpc.ExitFailure, "fly"},
		"unknown flag":          {false, []string{"run", "--colour"}, rpc.ExitConfig, "unknown flag: --colour; see 'prog run --help'"},
		"bad flag":              {false, []string{"run", "--interval", "soon"}, rpc.ExitConfig, "soon"},
		"bad level":             {false, []string{"run", "--log-level", "loud"}, rpc.ExitConfig, "allowed are debug, info, warn, error"},
		"no plugin":             {false, []string{"run", "--enabled", "none"}, rpc.ExitConfig, "good, bad, worse"},
		"hosted, unknown flag":  {true, []string{"run", "--colour"}, rpc.ExitConfig, `"@level":"error","@message":"unknown flag: --colour`},
		"run ends with signals": {false, []string{"run", "--enabled", "good", "--datakit-apiserver", "127.0.0.1:1", "--paint_colour", "blue"}, 0, "captured=0"},
		"hidden twin":           {false, []string{"run", "--help"}, 0, "--paint-colour"},
		"kind of a value":       {false, []string{"run", "--help"}, 0, "--interval duration "},
		"kind of a list":        {false, []string{"run", "--help"}, 0, "--enabled list "},
		"doctor, one is bad":    {false, []string{"doctor"}, 1, "failed: not supported"},
		"doctor, all good":      {false, []string{"doctor", "--enabled", "good"}, 0, "tp_btf/x"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := command(t, tc.hosted, tc.args...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.out) && !strings.Contains(strings.ToLower(stdout+stderr), strings.ToLower(tc.out)) {
				t.Errorf("exit code %d, want %d; want %q in\n%s%s", code, tc.code, tc.out, stdout, stderr)
			}
			if strings.Contains(stdout, "paint_colour") {
				t.Error("the help shows both spellings of a flag")
			}
		})
	}
}

func TestDoctorJSON(t *testing.T) {
	code, stdout, _ := command(t, false, "doctor", "--json")
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if code != 1 || r.Program != "prog" || len(r.Plugins) != 3 || !r.Plugins[0].OK || r.Plugins[0].Hooks[0].Attach != "tp_btf/x" ||
		r.Plugins[1].Error != "not supported" || r.Plugins[2].Error != "panic: oops" {
		t.Errorf("exit code %d, report %+v", code, r)
	}
	want, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil || r.Kernel != strings.TrimSpace(string(want)) {
		t.Errorf("kernel is %q, want %q", r.Kernel, want)
	}
}

func TestParseCapabilities(t *testing.T) {
	for status, want := range map[string]string{
		"Name:\tx\nCapEff:\t0000000000000000\n": "",
		"CapEff:\t0000008000000000\n":           "CAP_BPF",
		"CapEff:\t000000c000003000\n":           "CAP_NET_ADMIN CAP_NET_RAW CAP_PERFMON CAP_BPF",
		"CapEff:\tnonsense\n":                   "",
		"":                                      "",
	} {
		if got := strings.Join(parseCapabilities(status), " "); got != want {
			t.Errorf("%q: %q, want %q", status, got, want)
		}
	}
}

func TestListAndTags(t *testing.T) {
	var l []string
	if err := List(&l).Set(" a, b,,c "); err != nil || strings.Join(l, "|") != "a|b|c" {
		t.Errorf("%q, %v", l, err)
	}
	if err := List(&l).Set(""); err != nil || l == nil || len(l) != 0 {
		t.Errorf("an empty list is %#v, %v", l, err)
	}
	var m map[string]string
	for _, text := range []string{"a=1,b=2", "a=1;b=2", " a=1 , b=2,"} {
		m = nil
		if err := Tags(&m).Set(text); text != " a=1 , b=2," && (err != nil || m["a"] != "1" || m["b"] != "2") {
			t.Errorf("%q: %v, %v", text, m, err)
		}
	}
	for _, text := range []string{"a", "=1", "a="} {
		if err := Tags(&m).Set(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestPluginLogIsHclog(t *testing.T) {
	b := &buffer{}
	log := textLogOf(b)
	log.Warn("hello", "plugin", "p", "time", 3)
	var fields map[string]any
	if err := json.Unmarshal([]byte(b.String()), &fields); err != nil {
		t.Fatal(err)
	}
	if fields["@level"] != "warn" || fields["@message"] != "hello" || fields["plugin"] != "p" {
		t.Errorf("fields are %v", fields)
	}
	if _, err := time.Parse(hclogTime, fields["@timestamp"].(string)); err != nil {
		t.Error(err)
	}
}

func TestLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	code, _, stderr := command(t, false, "run", "--enabled", "good", "--log", file)
	raw, err := os.ReadFile(file)
	if code != 0 || err != nil || !strings.Contains(string(raw), "msg=stopped") || strings.Contains(stderr, "msg=stopped") {
		t.Errorf("exit code %d, %v, file %q, stderr %q", code, err, raw, stderr)
	}
}

func TestOrphaned(t *testing.T) {
	parent := strconv.Itoa(os.Getppid())
	for host, want := range map[string]bool{"": false, parent: false, parent + "0": true} {
		if got := orphaned(host); got != want {
			t.Errorf("orphaned(%q) = %v with parent %s", host, got, parent)
		}
	}
}
