package main

import (
	"flag"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/plugins"
)

// parse lays args over the defaults.
func parse(t *testing.T, args ...string) (*plugins.EBPF, error) {
	t.Helper()
	p := program()
	cfg := p.Config()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	p.Flags(fs, cfg)
	return cfg.(*plugins.EBPF), fs.Parse(args)
}

func TestNoFlagsLeaveTheDefaults(t *testing.T) {
	cfg, err := parse(t)
	if err != nil || !reflect.DeepEqual(cfg, plugins.DefaultEBPF()) {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

func TestFlags(t *testing.T) {
	cfg, err := parse(t, "--enabled", "ebpf-net, ebpf-bash", "--interval", "1m30s", "--tags", "a=1,b=2",
		"--ephemeral-port", "32768", "--ipv6-disabled", "--res-cpu", "2.0", "--res-mem=4GiB", "--res-net", "1MiB/s",
		"--sampling-rate", "0.5", "--scope-netns", "4026531840,/run/netns/a", "--netlog-metric=false", "--pprof-port", "")
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case !slices.Equal(cfg.EnabledPlugins, []string{"ebpf-net", "ebpf-bash"}),
		cfg.Interval != 90*time.Second, cfg.Tags["a"] != "1" || cfg.Tags["b"] != "2",
		cfg.EphemeralPort != 32768, !cfg.IPv6Disabled, cfg.CPULimit != "2.0", cfg.MemLimit != "4GiB", cfg.NetLimit != "1MiB/s",
		cfg.SamplingRate != "0.5", len(cfg.ScopeNetns) != 2, cfg.NetlogMetric, cfg.PprofPort != "":
		t.Errorf("got %+v", cfg)
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--interval", "soon"}, {"--tags", "nonsense"}, {"--ephemeral-port", "x"}, {"--no-such-flag"}, {"--netlog-protocols", ""},
	} {
		if _, err := parse(t, args...); err == nil {
			t.Errorf("%s: no error", strings.Join(args, " "))
		}
	}
}

// Flags that users of the collector page have in their args.
func TestKnownFlagsExist(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	bindFlags(fs, plugins.DefaultEBPF())
	for _, name := range []string{
		"enabled", "interval", "tags", "l7net-enabled", "l7net-disabled", "ipv6-disabled", "netlog-metric", "netlog-log",
		"netlog-protocols", "container-endpoints", "pprof-host", "pprof-port", "trace-protos", "trace-protos-blacklist",
		"trace-env-list", "trace-name-list", "trace-env-blacklist", "trace-name-blacklist", "conv-to-ddtrace",
		"trace-server", "trace-allprocess", "res-cpu", "res-mem", "res-bandwidth", "res-net", "sampling-rate", "sampling-rate-ptsperminute",
	} {
		if fs.Lookup(name) == nil {
			t.Errorf("--%s is gone", name)
		}
	}
}

func TestSettings(t *testing.T) {
	cfg := plugins.DefaultEBPF()
	cfg.MemLimit, cfg.Tags = "1GiB", map[string]string{"a": "b"}
	got := settings(cfg)
	if !slices.Equal(got.Plugins, cfg.EnabledPlugins) || got.Interval != cfg.Interval || got.MemLimit != "1GiB" ||
		got.PprofPort != "6061" || got.Tags["a"] != "b" {
		t.Errorf("got %+v", got)
	}
}
