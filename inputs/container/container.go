// Package container runs datakit-container, the external program that looks
// at containers: it checks the block [[inputs.container]], hands it over and
// keeps the program running. The agent itself needs no access to the sockets
// of container runtimes.
package container

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/rpc"
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
	limits, err := limit.Parse(cfg.CPULimit, cfg.MemLimit, cfg.NetLimit)
	if err != nil {
		return nil, err
	}
	resolved := *cfg
	if !filepath.IsAbs(cfg.StateDir) {
		resolved.StateDir = filepath.Join(env.Home, cfg.StateDir)
	}
	block, err := encode(&resolved)
	if err != nil {
		return nil, err
	}
	path := cfg.Cmd
	if !filepath.IsAbs(path) {
		path = filepath.Join(env.Home, path)
	}
	return supervisor.New(supervisor.Config{
		Name: cfg.Name,
		Command: supervisor.Command{
			Path: path, Args: arguments(cfg.Args), Env: environment(env.Environ, cfg.Envs), Dir: env.Home,
		},
		Plugin: &supervisor.Plugin{
			Config: rpc.Config{
				TOML: block, Source: "[[inputs.container]]",
				Tags: env.Tags, Hostname: env.Hostname, APIAddress: env.APIAddr,
			},
			Blocks: env.Blocks, Book: env.Book, RunDir: filepath.Join(env.Home, "run"),
		},
		Limits: limits, LimitAction: cfg.LimitAction,
		Log: env.Log, Now: env.Now, FS: env.FS, Errors: env.Errors,
	}), nil
}

// encode writes the resolved block for the program.
func encode(cfg *Config) (string, error) {
	var text strings.Builder
	block := map[string]any{"inputs": map[string]any{Name: (*plugins.Container)(cfg)}}
	if err := toml.NewEncoder(&text).Encode(block); err != nil {
		return "", fmt.Errorf("encode the block for the program: %w", err)
	}
	return text.String(), nil
}

// arguments are those of "run", which may be written or left out.
func arguments(args []string) []string {
	if len(args) > 0 && args[0] == "run" {
		return slices.Clone(args)
	}
	return append([]string{"run"}, args...)
}

// inherited are the variables, or their prefixes, that the program gets from
// the agent. The agent's own settings (ENV_*) hold the tokens of backends.
var inherited = []string{
	"PATH=", "LANG=", "LC_", "TZ=", "TMPDIR=", "HOST_", "GOMEMLIMIT=", "GOGC=", "GOMAXPROCS=", "GODEBUG=", "GOTRACEBACK=", "GOCOVERDIR=",
}

// environment is the explicit environment of the program, with what the
// configuration adds.
func environment(agent, added []string) (env []string) {
	for _, e := range agent {
		if slices.ContainsFunc(inherited, func(prefix string) bool { return strings.HasPrefix(e, prefix) }) {
			env = append(env, e)
		}
	}
	return append(env, added...)
}
