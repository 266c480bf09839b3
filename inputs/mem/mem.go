// Package mem measures how much memory is in use and for what.
package mem

import (
	"context"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// Name is the name of the input, as in [[inputs.mem]].
const Name = "mem"

// Config is [[inputs.mem]].
type Config struct {
	Interval time.Duration `toml:"interval" help:"Between two measurements."`
	inputs.Lists
	Tags map[string]string `toml:"tags" example:"some_tag = \"some_value\"" help:"Added to every point."`
}

// GatherInterval implements [inputs.Interval].
func (c *Config) GatherInterval() time.Duration { return c.Interval }

// Validate checks what the types alone do not say.
func (c *Config) Validate() error { return inputs.CheckInterval("interval", c.Interval, time.Second) }

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true,
		Help:   "How much memory is in use, and for what, from /proc/meminfo.",
		Spec:   spec(),
		Config: func() any { return &Config{Interval: 10 * time.Second} },
		New:    func(cfg any, env inputs.Env) (any, error) { return &input{cfg: cfg.(*Config), env: env}, nil },
	}
}

type input struct {
	cfg  *Config
	env  inputs.Env
	file procfs.Reader
	info procfs.Meminfo
}

// Gather implements [inputs.Input].
func (in *input) Gather(ctx context.Context, out point.Sink) error {
	data, err := in.file.Read(in.env.FS.Proc("meminfo"))
	if err != nil {
		return err
	}
	if err := in.info.Parse(data); err != nil {
		return err
	}
	return out.Feed(ctx, point.Metric, []point.Point{{
		Measurement: Name, Tags: inputs.ExtraTags(in.cfg.Tags), Fields: fields(&in.info), Time: in.env.Now().UnixNano(),
	}})
}

// fields makes the fields of a point. What a kernel does not show is left out.
func fields(m *procfs.Meminfo) []point.Field {
	all := make([]point.Field, 0, len(computed)+len(entries))
	for _, c := range computed {
		all = append(all, point.Field{Key: c.key, Value: c.value(m)})
	}
	for _, e := range entries {
		v, ok := m.Get(e.name)
		if !ok && e.without != nil {
			v, ok = e.without(m)
		}
		if ok {
			all = append(all, point.Field{Key: e.key, Value: point.Int(int64(v))})
		}
	}
	return all
}
