// Package external runs programs that collect: daemons, programs that run
// once per interval, and collectors built with plugins/sdk.
package external

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins/rpc"
)

// Name is the name of the input, as in [[inputs.external]].
const Name = "external"

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "external",
		Help:   "Run any program that collects: a daemon, a program that runs once per interval, or a\ncollector built with the SDK of this agent (plugin = true).",
		Spec:   []point.Measurement{supervisor.EventSpec()},
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return build(cfg.(*Config), env) },
	}
}

func build(cfg *Config, env inputs.Env) (any, error) {
	limits, err := limit.Parse(cfg.CPULimit, cfg.MemLimit, cfg.NetLimit)
	if err != nil {
		return nil, err
	}
	path := cfg.Cmd
	if !filepath.IsAbs(path) {
		path = filepath.Join(env.Home, path)
	}
	s := supervisor.Config{
		Name:    cfg.Name,
		Command: supervisor.Command{Path: path, Args: slices.Clone(cfg.Args), Env: environment(env.Environ, cfg.Envs), Dir: env.Home},
		Limits:  limits, LimitAction: cfg.LimitAction,
		Log: env.Log.With("external", cfg.Name), Now: env.Now, FS: env.FS, Errors: env.Errors,
	}
	if cfg.Plugin {
		return buildPlugin(cfg, env, s)
	}
	if tags := tagArgument(cfg.Tags); tags != "" {
		s.Command.Args = append(s.Command.Args, "--tags", tags)
	}
	if cfg.Daemon {
		return supervisor.New(s), nil
	}
	return &periodic{s}, nil
}

// buildPlugin hands the table config over as it was written.
func buildPlugin(cfg *Config, env inputs.Env, s supervisor.Config) (any, error) {
	var text strings.Builder
	if err := toml.NewEncoder(&text).Encode(cfg.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	tags := map[string]string{}
	for k, v := range env.Tags {
		tags[k] = v
	}
	for k, v := range cfg.Tags {
		tags[k] = v
	}
	s.Plugin = &supervisor.Plugin{
		Config: rpc.Config{
			TOML: text.String(), Source: "inputs.external.config of " + cfg.Name, Tags: tags,
			Hostname: env.Hostname, APIAddress: env.APIAddr,
		},
		Blocks: env.Blocks, Book: env.Book, RunDir: filepath.Join(env.Home, "run"),
	}
	return supervisor.New(s), nil
}

// periodic runs a program once per interval; it delivers by itself.
type periodic struct{ cfg supervisor.Config }

// Gather implements [inputs.Input].
func (p *periodic) Gather(ctx context.Context, _ point.Sink) error {
	return supervisor.Once(ctx, p.cfg)
}

// tagArgument joins tags as "k=v;k2=v2", in the order of their keys.
func tagArgument(tags map[string]string) string {
	var all []string
	for k, v := range tags {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, ";")
}

// environment is that of the agent without its own settings (ENV_*), which
// hold the tokens of backends, and with what the configuration adds.
func environment(agent, added []string) []string {
	var all []string
	for _, e := range agent {
		if !strings.HasPrefix(e, "ENV_") {
			all = append(all, e)
		}
	}
	return append(all, added...)
}
