// Package external runs programs that collect: daemons, programs that run
// once per interval, and collectors built with plugins/sdk.
package external

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
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
	env.Log = env.Log.With("external", cfg.Name)
	if cfg.Plugin {
		return buildPlugin(cfg, env)
	}
	s, err := cfg.external().Config(env)
	if err != nil {
		return nil, err
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
func buildPlugin(cfg *Config, env inputs.Env) (any, error) {
	var text strings.Builder
	if err := toml.NewEncoder(&text).Encode(cfg.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	tags := map[string]string{}
	maps.Copy(tags, env.Tags)
	maps.Copy(tags, cfg.Tags)
	s, err := cfg.external().Child(env, text.String(), "inputs.external.config of "+cfg.Name, tags)
	if err != nil {
		return nil, err
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
