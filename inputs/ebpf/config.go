package ebpf

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/plugins"
)

// Config is the block [[inputs.ebpf]], with what the agent checks before it
// hands it to the program.
type Config plugins.EBPF

func defaults() *Config { return (*Config)(plugins.DefaultEBPF()) }

// trialInterval is short: who looks does not want to wait for a minute.
const trialInterval = plugins.Duration(5 * time.Second)

// ForTrial implements [inputs.Trial].
func (c *Config) ForTrial() { c.Interval = min(c.Interval, trialInterval) }

// Validate checks what the types alone do not say. Scopes are looked at when
// the plugins load.
func (c *Config) Validate() error {
	_, err := flow.ParseRoutes(c.HTTPRoutes)
	if err != nil {
		err = fmt.Errorf("http_routes: %w", err)
	}
	return errors.Join(c.external().Validate(), (*plugins.EBPF)(c).Validate(), err)
}

// Files implements [inputs.Files].
func (c *Config) Files(home string) map[string][]string {
	// A number is no path, and a relative cgroup lies where the program finds
	// cgroup v2 mounted.
	relative := func(path string) bool { return !filepath.IsAbs(path) }
	return map[string][]string{
		"cmd":           {c.Program(home)},
		"scope_netns":   slices.DeleteFunc(slices.Clone(c.ScopeNetns), relative),
		"scope_cgroups": slices.DeleteFunc(slices.Clone(c.ScopeCgroups), relative),
	}
}

// warnings says which settings are accepted and have no effect yet, because
// the plugin they belong to is not there, and which rules may be read in
// another way than they are meant.
func (c *Config) warnings() (warnings []string) {
	d := defaults()
	if rules, err := filter.Compile(c.NetlogBlacklist); err == nil {
		for _, w := range rules.Warnings() {
			warnings = append(warnings, "netlog_blacklist: "+w.String())
		}
	}
	for _, name := range c.EnabledPlugins {
		if name != "ebpf-net" && name != "bpf-netlog" {
			warnings = append(warnings, fmt.Sprintf("enabled_plugins: %q is accepted, not yet active", name))
		}
	}
	for _, key := range []struct {
		name string
		set  bool
	}{
		{"kubernetes_url", c.KubernetesURL != d.KubernetesURL},
		{"bearer_token", c.BearerToken != d.BearerToken},
		{"bearer_token_string", c.BearerTokenString != d.BearerTokenString},
		{"workload_labels", !slices.Equal(c.WorkloadLabels, d.WorkloadLabels)},
		{"workload_label_prefix", c.WorkloadLabelPrefix != d.WorkloadLabelPrefix},
		{"trace_server", c.TraceServer != d.TraceServer},
		{"trace_all_process", c.TraceAllProcess != d.TraceAllProcess},
		{"trace_env_list", !slices.Equal(c.TraceEnvList, d.TraceEnvList)},
		{"trace_env_blacklist", !slices.Equal(c.TraceEnvBlacklist, d.TraceEnvBlacklist)},
		{"trace_name_list", !slices.Equal(c.TraceNameList, d.TraceNameList)},
		{"trace_name_blacklist", !slices.Equal(c.TraceNameBlacklist, d.TraceNameBlacklist)},
		{"conv_to_ddtrace", c.ConvToDDTrace != d.ConvToDDTrace},
	} {
		if key.set {
			warnings = append(warnings, key.name+" is accepted, not yet active")
		}
	}
	if !c.Daemon {
		warnings = append(warnings, "daemon = false has no effect: the collector always runs as a supervised process")
	}
	return warnings
}
