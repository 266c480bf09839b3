package ebpf

import (
	"reflect"
	"strings"
	"testing"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/supervisor/supervisortest"
	"datakit.dev/agent/plugins"
)

func noEnv(string) (string, bool) { return "", false }

func decode(text string) (*Config, error) {
	cfg := defaults()
	return cfg, config.Section{Input: Name, File: "ebpf.conf", Line: 1, Text: "[[inputs.ebpf]]\n" + text}.Decode(cfg, noEnv)
}

func TestDefaultsAreValid(t *testing.T) {
	if err := defaults().Validate(); err != nil {
		t.Error(err)
	}
	if w := defaults().warnings(); len(w) != 0 {
		t.Errorf("the defaults warn: %v", w)
	}
}

func TestMistakesNamePlaceAndWhatIsAllowed(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"plugin":          {"enabled_plugins = ['ebpf-nett']", `ebpf.conf:2: inputs.ebpf.enabled_plugins: "ebpf-nett" is not one of ebpf-net, ebpf-bash`},
		"no plugin":       {"enabled_plugins = []", "enabled_plugins: is empty; allowed are ebpf-net"},
		"unknown key":     {"enable_plugins = []", "enable_plugins: unknown key"},
		"l4":              {"l4net_enabled = ['sctp']", `"sctp" is not one of tcp, udp`},
		"l7":              {"l7net_enabled = ['grpc']", `"grpc" is not one of httpflow, httpflow-tls`},
		"cpu":             {"cpu_limit = 'two'", `cpu_limit: "two" is not a number of CPU cores`},
		"mem bare":        {"mem_limit = '4096'", `mem_limit: "4096" is not a size`},
		"mem TiB":         {"mem_limit = '1TiB'", `mem_limit: "1TiB" is not a size`},
		"net":             {"net_limit = 'fast'", `net_limit: "fast" is not a size`},
		"action":          {"limit_action = 'explode'", `limit_action: "explode" is not one of restart, stop`},
		"interval short":  {"interval = '500ms'", "interval: 500ms is shorter than 1s"},
		"interval words":  {"interval = 'abc'", `interval: "abc" is not a duration`},
		"both samplings":  {"sampling_rate = '0.5'\nsampling_rate_pts_per_min = '1500'", "sampling_rate_pts_per_min: cannot be used together with sampling_rate"},
		"sampling beyond": {"sampling_rate = '1.5'", `sampling_rate: "1.5" is not a number from 0.01 to 1.00`},
		"sampling zero":   {"sampling_rate = '0'", "sampling_rate: "},
		"sampling NaN":    {"sampling_rate = 'NaN'", "sampling_rate: "},
		"points a minute": {"sampling_rate_pts_per_min = '-1'", "sampling_rate_pts_per_min: "},
		"port":            {"ephemeral_port = 70000", "ephemeral_port: 70000 is no port"},
		"pprof port":      {"pprof_port = 'x'", `pprof_port: "x" is no port`},
		"envs":            {"envs = ['NAME']", `envs: "NAME" is not of the form NAME=value`},
		"max":             {"max_flows = 0", "max_flows: 0 is not a positive number"},
		"blacklist":       {"netlog_blacklist = '''udp\ntcp && src_prt == 80'''", "netlog_blacklist: rule:2:8: unknown name src_prt"},
		"table":           {"[inputs.ebpf.bpf-netlogs]", "inputs.ebpf: bpf-netlogs: unknown key; tables are for ebpf-net"},
		"route":           {"http_routes = ['/ok', 'users/{id}']", `http_routes: route "users/{id}": want a path that begins with /`},
		"cmd":             {"cmd = ''", "cmd: is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decode(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
		})
	}
}

func TestAcceptedValues(t *testing.T) {
	for _, text := range []string{
		"enabled_plugins = ['ebpf-net','ebpf-bash','ebpf-conntrack','ebpf-trace','bpf-netlog']",
		"interval = '1s'", "interval = '1m30s'", "sampling_rate = '0.01'", "sampling_rate = '1.00'", "sampling_rate_pts_per_min = '1500'",
		"mem_limit = '4gib'\nnet_limit = '100MiB/S'\ncpu_limit = '2.0'", "ephemeral_port = 0", "pprof_port = ''", "l7net_enabled = []",
	} {
		if _, err := decode(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFilesOfTheBlock(t *testing.T) {
	cfg := defaults()
	cfg.ScopeNetns = []string{"/run/netns/blue", "4026531840"}
	cfg.ScopeCgroups = []string{"/sys/fs/cgroup/a.slice", "b.slice", "42"}
	want := map[string][]string{
		"cmd":           {"/opt/dk/externals/datakit-ebpf"},
		"scope_netns":   {"/run/netns/blue"},
		"scope_cgroups": {"/sys/fs/cgroup/a.slice"},
	}
	if got := cfg.Files("/opt/dk"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(cfg.ScopeNetns) != 2 || len(cfg.ScopeCgroups) != 3 {
		t.Errorf("the block was changed: %+v", cfg)
	}
}

// Nothing the user sets is silently without effect.
func TestKeysOfLaterPluginsWarn(t *testing.T) {
	later := map[string]string{
		"KubernetesURL": "", "BearerToken": "", "BearerTokenString": "", "WorkloadLabels": "", "WorkloadLabelPrefix": "",
		"TraceServer": "", "TraceAllProcess": "",
		"TraceEnvList": "", "TraceEnvBlacklist": "", "TraceNameList": "", "TraceNameBlacklist": "", "ConvToDDTrace": "", "Daemon": "",
	}
	typ := reflect.TypeFor[Config]()
	for field := range later {
		cfg := defaults()
		f, ok := typ.FieldByName(field)
		if !ok {
			t.Fatalf("no field %s", field)
		}
		v := reflect.ValueOf(cfg).Elem().FieldByName(field)
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.String:
			v.SetString("x")
		case reflect.Slice:
			v.Set(reflect.ValueOf([]string{"x"}))
		}
		if w := cfg.warnings(); len(w) != 1 || !strings.Contains(w[0], f.Tag.Get("toml")) {
			t.Errorf("%s: warnings are %q", field, w)
		}
	}
	cfg := defaults()
	cfg.NetlogBlacklist = "tcp || udp && ipv6"
	if w := cfg.warnings(); len(w) != 1 || !strings.HasPrefix(w[0], "netlog_blacklist: rule:1:1: && and ||") {
		t.Errorf("warnings are %q", w)
	}
	cfg = defaults()
	cfg.EnabledPlugins = []string{"ebpf-net", "bpf-netlog", "ebpf-bash"}
	if w := cfg.warnings(); len(w) != 1 || w[0] != `enabled_plugins: "ebpf-bash" is accepted, not yet active` {
		t.Errorf("warnings are %q", w)
	}
}

// What the program decodes is exactly what the agent resolved.
func TestBlockSurvivesTheWay(t *testing.T) {
	cfg, err := decode(`
args = ["--datakit-apiserver", "127.0.0.1:9529"]
envs = ["A=b"]
interval = "1m30s"
l7net_enabled = []
scope_netns = ["/proc/1/ns/net"]
netlog_blacklist = "ip_saddr == '127.0.0.1' || tcp"
[inputs.ebpf.tags]
"odd key" = "va\"lue"
[inputs.ebpf.bpf-netlog]
snap_length = 256
nics_include = ["eth*"]
`)
	if err != nil {
		t.Fatal(err)
	}
	supervisortest.Survives(t, Name, (*plugins.EBPF)(cfg), plugins.DefaultEBPF())
}

func TestProgramIsThatOfThisInstall(t *testing.T) {
	for cmd, want := range map[string]string{
		plugins.DefaultEBPF().Cmd: "/home/dk/externals/datakit-ebpf",
		"externals/other":         "/home/dk/externals/other",
		"/opt/datakit-ebpf":       "/opt/datakit-ebpf",
	} {
		if got := (&Config{Cmd: cmd}).Program("/home/dk"); got != want {
			t.Errorf("%s: %s, want %s", cmd, got, want)
		}
	}
}
