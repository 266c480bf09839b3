// Package ebpf runs datakit-ebpf, the external program with the eBPF
// plugins: it checks the block [[inputs.ebpf]], hands it over and keeps the
// program running. Nothing of eBPF is linked into the agent.
package ebpf

import (
	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins"
)

// Name is the name of the input, as in [[inputs.ebpf]].
const Name = "ebpf"

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true,
		Help:   "Network connections, and later shells, traces and packets, seen from the kernel by the\nprogram datakit-ebpf. Linux 5.10 or newer with BTF; needs root or CAP_BPF, CAP_PERFMON,\nCAP_NET_ADMIN and CAP_SYS_PTRACE.",
		Spec:   []point.Measurement{supervisor.EventSpec()},
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return build(cfg.(*Config), env) },
	}
}

// build makes the supervisor of the program. It is an [inputs.Runner], and
// its method Status tells how the program is.
func build(cfg *Config, env inputs.Env) (*supervisor.Supervisor, error) {
	for _, w := range cfg.warnings() {
		env.Log.Warn(w)
	}
	s, err := cfg.external().Own(env, Name, (*plugins.EBPF)(cfg))
	if err != nil {
		return nil, err
	}
	return supervisor.New(s), nil
}
