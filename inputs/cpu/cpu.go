// Package cpu measures how the CPUs spend their time.
package cpu

import (
	"context"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// Name is the name of the input, as in [[inputs.cpu]].
const Name = "cpu"

// Config is [[inputs.cpu]].
type Config struct {
	Interval    time.Duration `toml:"interval" help:"Between two measurements."`
	PerCPU      bool          `toml:"percpu" help:"One point per CPU, beside that of all together."`
	Temperature bool          `toml:"enable_temperature" help:"Read the temperature sensors of the cores, where there are any."`
	Load5s      bool          `toml:"enable_load5s" help:"Tasks that ran or waited in the last 5 seconds or more, computed from load1."`
	inputs.Lists
	Tags map[string]string `toml:"tags" example:"some_tag = \"some_value\"" help:"Added to every point."`
}

func defaults() *Config {
	return &Config{Interval: 10 * time.Second, Temperature: true, Load5s: true}
}

// GatherInterval implements [inputs.Interval].
func (c *Config) GatherInterval() time.Duration { return c.Interval }

// Validate checks what the types alone do not say.
func (c *Config) Validate() error { return inputs.CheckInterval("interval", c.Interval, time.Second) }

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true, Rates: true,
		Help:   "How the CPUs spend their time, from /proc/stat.",
		Spec:   spec(),
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return newInput(cfg.(*Config), env), nil },
	}
}

// input compares each reading of /proc/stat with the one before.
type input struct {
	cfg  *Config
	env  inputs.Env
	file procfs.Reader
	now  procfs.Stat
	old  map[string]procfs.CPUTimes
	load loadEstimator
	heat sensors
}

func newInput(cfg *Config, env inputs.Env) *input {
	return &input{cfg: cfg, env: env, old: map[string]procfs.CPUTimes{}}
}

// Gather implements [inputs.Input]. The first time there is nothing to
// compare with.
func (in *input) Gather(ctx context.Context, out point.Sink) error {
	data, err := in.file.Read(in.env.FS.Proc("stat"))
	if err != nil {
		return err
	}
	if err := in.now.Parse(data); err != nil {
		return err
	}
	now := in.env.Now()
	estimate, estimated, err := in.estimate(now)
	if err != nil {
		return err
	}
	var points []point.Point
	for i, c := range in.now.CPUs {
		total := i == 0
		if !total && !in.cfg.PerCPU {
			break
		}
		before, known := in.old[c.Name]
		in.old[c.Name] = c
		shares, ok := compare(&before, &c)
		if !known || !ok {
			continue
		}
		p := in.point(c.Name, shares, now)
		if total && in.cfg.Temperature {
			if celsius, ok := in.heat.mean(in.env.FS); ok {
				p.Fields = append(p.Fields, point.Field{Key: "core_temperature", Value: point.Float(celsius)})
			}
		}
		if total && estimated {
			p.Fields = append(p.Fields, point.Field{Key: "load5s", Value: point.Int(estimate)})
		}
		points = append(points, p)
	}
	if len(points) == 0 {
		return inputs.ErrNoData
	}
	return out.Feed(ctx, point.Metric, points)
}

func (in *input) estimate(now time.Time) (tasks int64, ok bool, err error) {
	if !in.cfg.Load5s {
		return 0, false, nil
	}
	data, err := in.file.Read(in.env.FS.Proc("loadavg"))
	if err != nil {
		return 0, false, err
	}
	load, err := procfs.ParseLoadavg(data)
	if err != nil {
		return 0, false, err
	}
	tasks, ok = in.load.next(load.One, now)
	return tasks, ok, nil
}

func (in *input) point(name string, shares [procfs.CPUStates]float64, now time.Time) point.Point {
	if name == "cpu" {
		name = "cpu-total"
	}
	fields := make([]point.Field, 0, len(usages)+3)
	for i := range usages {
		fields = append(fields, point.Field{Key: usages[i].key, Value: point.Float(shares[i])})
	}
	fields = append(fields, point.Field{Key: "usage_total", Value: point.Float(busy(&shares))})
	return point.Point{
		Measurement: Name, Tags: inputs.ExtraTags(in.cfg.Tags, point.Tag{Key: "cpu", Value: name}),
		Fields: fields, Time: now.UnixNano(),
	}
}
