package main

import (
	"reflect"
	"testing"
	"time"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/plugins"
)

// The variables of the public eBPF collector page, with its examples, each
// with the key it sets and the value it gives.
var ebpfVariables = []struct {
	name, text string
	set        func(*plugins.EBPF)
}{
	{"ENABLED_PLUGINS", "ebpf-net,ebpf-trace", func(c *plugins.EBPF) { c.EnabledPlugins = []string{"ebpf-net", "ebpf-trace"} }},
	{"L7NET_ENABLED", "httpflow", func(c *plugins.EBPF) { c.L7NetEnabled = []string{"httpflow"} }},
	{"INTERVAL", "1m30s", func(c *plugins.EBPF) { c.Interval = 90 * time.Second }},
	{"IPV6_DISABLED", "true", func(c *plugins.EBPF) { c.IPv6Disabled = true }},
	{"EPHEMERAL_PORT", "32768", func(c *plugins.EBPF) { c.EphemeralPort = 32768 }},
	{"PPROF_HOST", "127.0.0.2", func(c *plugins.EBPF) { c.PprofHost = "127.0.0.2" }},
	{"PPROF_PORT", "6062", func(c *plugins.EBPF) { c.PprofPort = "6062" }},
	{"TRACE_SERVER", "10.0.0.1:9529", func(c *plugins.EBPF) { c.TraceServer = "10.0.0.1:9529" }},
	{"TRACE_ALL_PROCESS", "yes", func(c *plugins.EBPF) { c.TraceAllProcess = true }},
	{"TRACE_NAME_BLACKLIST", "bash, sh", func(c *plugins.EBPF) { c.TraceNameBlacklist = []string{"bash", "sh"} }},
	{"TRACE_ENV_BLACKLIST", "DKE_DISABLE_ETRACE", func(c *plugins.EBPF) { c.TraceEnvBlacklist = []string{"DKE_DISABLE_ETRACE"} }},
	{"TRACE_ENV_LIST", "DK_BPFTRACE_SERVICE,DD_SERVICE,OTEL_SERVICE_NAME", func(c *plugins.EBPF) {
		c.TraceEnvList = []string{"DK_BPFTRACE_SERVICE", "DD_SERVICE", "OTEL_SERVICE_NAME"}
	}},
	{"TRACE_NAME_LIST", "chrome,firefox", func(c *plugins.EBPF) { c.TraceNameList = []string{"chrome", "firefox"} }},
	{"CONV_TO_DDTRACE", "on", func(c *plugins.EBPF) { c.ConvToDDTrace = true }},
	{"NETLOG_BLACKLIST", `ip_saddr=='127.0.0.1' || ip_daddr=='127.0.0.1'`, func(c *plugins.EBPF) {
		c.NetlogBlacklist = `ip_saddr=='127.0.0.1' || ip_daddr=='127.0.0.1'`
	}},
	{"NETLOG_METRIC", "false", func(c *plugins.EBPF) { c.NetlogMetric = false }},
	{"NETLOG_LOG", "1", func(c *plugins.EBPF) { c.NetlogLog = true }},
	{"CPU_LIMIT", `"2.0"`, func(c *plugins.EBPF) { c.CPULimit = "2.0" }},
	{"MEM_LIMIT", `"4GiB"`, func(c *plugins.EBPF) { c.MemLimit = "4GiB" }},
	{"NET_LIMIT", `"100MiB/s"`, func(c *plugins.EBPF) { c.NetLimit = "100MiB/s" }},
	{"SAMPLING_RATE", "0.50", func(c *plugins.EBPF) { c.SamplingRate = "0.50" }},
	{"SAMPLING_RATE_PTSPERMIN", "1500", func(c *plugins.EBPF) { c.SamplingRatePtsPerMin = "1500" }},
}

func TestEveryEBPFVariable(t *testing.T) {
	if len(ebpfVariables) != 22 {
		t.Fatalf("the page lists 22 variables, not %d", len(ebpfVariables))
	}
	for _, v := range ebpfVariables {
		t.Run(v.name, func(t *testing.T) {
			name := "ENV_INPUT_EBPF_" + v.name
			env := func(n string) (string, bool) { return v.text, n == name }
			got, want := plugins.DefaultEBPF(), plugins.DefaultEBPF()
			v.set(want)
			err := config.Section{Input: "ebpf", File: "ENV_ENABLE_INPUTS"}.Decode(got, env)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s=%s\ngot  %+v\nwant %+v\n%v", name, v.text, got, want, err)
			}
			if unknown := config.UnknownEnv([]string{name + "="}, "ebpf", got); len(unknown) > 0 {
				t.Error(unknown)
			}
		})
	}
}

func TestEBPFEnvironmentBeatsTheFile(t *testing.T) {
	section := config.Section{Input: "ebpf", File: "ebpf.conf", Line: 1, Text: "[[inputs.ebpf]]\ninterval = '10s'\npprof_port = '1'\n"}
	cfg := plugins.DefaultEBPF()
	err := section.Decode(cfg, func(n string) (string, bool) { return "20s", n == "ENV_INPUT_EBPF_INTERVAL" })
	if err != nil || cfg.Interval != 20*time.Second || cfg.PprofPort != "1" || cfg.PprofHost != "127.0.0.1" {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestOlderEBPFVariables(t *testing.T) {
	cfg := plugins.DefaultEBPF()
	env := map[string]string{"ENV_NETLOG_LOG": "yes", "ENV_NETLOG_METRIC": "no", "ENV_INPUT_EBPF_NETLOG_METRIC": "yes"}
	err := config.Section{Input: "ebpf"}.Decode(cfg, func(n string) (string, bool) { v, ok := env[n]; return v, ok })
	if err != nil || !cfg.NetlogLog || !cfg.NetlogMetric {
		t.Errorf("%+v, %v", cfg, err)
	}
}
