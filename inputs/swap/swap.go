// Package swap measures how much swap is in use and how much goes in and out.
package swap

import (
	"context"
	"fmt"
	"os"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// Name is the name of the input, as in [[inputs.swap]].
const Name = "swap"

// Config is [[inputs.swap]].
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
		Help:   "How much swap is in use, from /proc/meminfo, and what was swapped, from /proc/vmstat.",
		Spec:   spec(),
		Config: func() any { return &Config{Interval: 10 * time.Second} },
		New:    func(cfg any, env inputs.Env) (any, error) { return &input{cfg: cfg.(*Config), env: env}, nil },
	}
}

func spec() []point.Measurement {
	field := func(key, unit, help string, kind point.Kind) point.FieldSpec {
		return point.FieldSpec{Key: key, Unit: unit, Kind: kind, Help: help}
	}
	return []point.Measurement{{
		Name: Name, Category: point.Metric, Help: "Swap space of the machine.",
		Fields: []point.FieldSpec{
			field("total", "B", "Size of all swap areas.", point.KindInt),
			field("used", "B", "total less free.", point.KindInt),
			field("free", "B", "Not used.", point.KindInt),
			field("used_percent", "percent", "used of total; 0 when there is no swap.", point.KindFloat),
			field("in", "B", "Read from swap since boot.", point.KindInt),
			field("out", "B", "Written to swap since boot.", point.KindInt),
		},
	}}
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
	if data, err = in.file.Read(in.env.FS.Proc("vmstat")); err != nil {
		return err
	}
	pagesIn, pagesOut, err := parseVmstat(data)
	if err != nil {
		return err
	}
	total, _ := in.info.Get("SwapTotal")
	free, _ := in.info.Get("SwapFree")
	free = min(free, total)
	page := uint64(os.Getpagesize())
	number := func(key string, v uint64) point.Field { return point.Field{Key: key, Value: point.Int(int64(v))} }
	return out.Feed(ctx, point.Metric, []point.Point{{
		Measurement: Name, Tags: inputs.ExtraTags(in.cfg.Tags), Time: in.env.Now().UnixNano(),
		Fields: []point.Field{
			number("total", total), number("used", total-free), number("free", free),
			{Key: "used_percent", Value: point.Float(procfs.Percent(total-free, total))},
			number("in", pagesIn*page), number("out", pagesOut*page),
		},
	}})
}

// parseVmstat finds the pages swapped in and out in the content of
// /proc/vmstat. A kernel without swap does not count them.
func parseVmstat(data []byte) (in, out uint64, err error) {
	_, err = procfs.ParseNamed(data, procfs.Named{Name: "pswpin", Into: &in}, procfs.Named{Name: "pswpout", Into: &out})
	if err != nil {
		return 0, 0, fmt.Errorf("read vmstat: %w", err)
	}
	return in, out, nil
}
