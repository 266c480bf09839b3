// Package container runs datakit-container, the external program that looks
// at containers: it checks the block [[inputs.container]], hands it over and
// keeps the program running. The agent itself needs no access to the sockets
// of container runtimes.
package container

import (
	"path/filepath"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins"
)

// Name is the name of the input, as in [[inputs.container]].
const Name = "container"

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "container", Singleton: true,
		Help:   "Running containers of containerd, Docker, Podman and CRI-O, as metrics and as objects, and their logs, seen by the\nprogram datakit-container. It needs access to the sockets of the runtimes and to /proc/<pid>\nof the containers, usually root.",
		Spec:   []point.Measurement{supervisor.EventSpec()},
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return build(cfg.(*Config), env) },
	}
}

// build makes the supervisor of the program, an [inputs.Runner].
func build(cfg *Config, env inputs.Env) (*supervisor.Supervisor, error) {
	resolved := plugins.Container(*cfg)
	if !filepath.IsAbs(cfg.StateDir) {
		resolved.StateDir = filepath.Join(env.Home, cfg.StateDir)
	}
	s, err := cfg.external().Own(env, Name, &resolved)
	if err != nil {
		return nil, err
	}
	return supervisor.New(s), nil
}
