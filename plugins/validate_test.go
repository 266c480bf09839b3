package plugins

import (
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreValid(t *testing.T) {
	if err := DefaultEBPF().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		change func(*EBPF)
		want   string // "" when it is right
	}{
		"all plugins":       {func(e *EBPF) { e.EnabledPlugins = Names() }, ""},
		"unknown plugin":    {func(e *EBPF) { e.EnabledPlugins = []string{"ebpf-nett"} }, `enabled_plugins: "ebpf-nett" is not one of ebpf-net,`},
		"no plugin":         {func(e *EBPF) { e.EnabledPlugins = nil }, "enabled_plugins: is empty"},
		"no L7":             {func(e *EBPF) { e.L7NetEnabled = []string{} }, ""},
		"unknown L7":        {func(e *EBPF) { e.L7NetEnabled = []string{"ftpflow"} }, `l7net_enabled: "ftpflow"`},
		"unknown L4":        {func(e *EBPF) { e.L4NetEnabled = []string{"sctp"} }, `l4net_enabled: "sctp"`},
		"a second":          {func(e *EBPF) { e.Interval = time.Second }, ""},
		"short interval":    {func(e *EBPF) { e.Interval = time.Millisecond }, "interval: 1ms is shorter than 1s"},
		"port":              {func(e *EBPF) { e.EphemeralPort = 65536 }, "ephemeral_port: 65536 is no port"},
		"connections":       {func(e *EBPF) { e.MaxConnections = 0 }, "max_connections"},
		"flows":             {func(e *EBPF) { e.MaxFlows = -1 }, "max_flows"},
		"rate":              {func(e *EBPF) { e.SamplingRate = "0.5" }, ""},
		"rate word":         {func(e *EBPF) { e.SamplingRate = "half" }, `sampling_rate: "half" is not a number`},
		"rate NaN":          {func(e *EBPF) { e.SamplingRate = "NaN" }, "sampling_rate"},
		"rate too small":    {func(e *EBPF) { e.SamplingRate = "0.001" }, "sampling_rate"},
		"points per minute": {func(e *EBPF) { e.SamplingRatePtsPerMin = "1500" }, ""},
		"points below 1":    {func(e *EBPF) { e.SamplingRatePtsPerMin = "0" }, "sampling_rate_pts_per_min"},
		"points in halves":  {func(e *EBPF) { e.SamplingRatePtsPerMin = "1500.5" }, "sampling_rate_pts_per_min"},
		"both samplings":    {func(e *EBPF) { e.SamplingRate, e.SamplingRatePtsPerMin = "0.5", "5" }, "cannot be used together"},
		"no pprof":          {func(e *EBPF) { e.PprofPort = "" }, ""},
		"pprof":             {func(e *EBPF) { e.PprofPort = "http" }, `pprof_port: "http" is no port`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := DefaultEBPF()
			test.change(e)
			err := e.Validate()
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}
