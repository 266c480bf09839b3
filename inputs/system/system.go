// Package system measures the machine as a whole: load, CPUs, users, uptime,
// processes, connection tracking, open files and pressure.
package system

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// Name is the name of the input, as in [[inputs.system]].
const Name = "system"

// Config is [[inputs.system]].
type Config struct {
	Interval time.Duration `toml:"interval" help:"Between two measurements."`
	Pressure bool          `toml:"enable_pressure" help:"Pressure stall information: how much time tasks lose waiting for CPU, memory and I/O.\nKernels without it do not show it."`
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
		Name: Name, Catalog: "host", Singleton: true, Rates: true,
		Help:   "Load, uptime, number of CPUs, users and processes, connection tracking, open files and\npressure of the machine.",
		Spec:   spec(),
		Config: func() any { return &Config{Interval: 10 * time.Second, Pressure: true} },
		New:    func(cfg any, env inputs.Env) (any, error) { return &input{cfg: cfg.(*Config), env: env}, nil },
	}
}

type input struct {
	cfg    *Config
	env    inputs.Env
	file   procfs.Reader
	stat   procfs.Stat
	before procfs.CPUTimes
	info   procfs.Meminfo
	pids   []procfs.Entry
}

// Gather implements [inputs.Input]. What can be read is fed even when
// something else cannot.
func (in *input) Gather(ctx context.Context, out point.Sink) error {
	var points []point.Point
	var errs []error
	now := in.env.Now().UnixNano()
	for _, part := range []func() ([]point.Point, error){in.system, in.conntrack, in.filefd, in.pressure} {
		some, err := part()
		for i := range some {
			some[i].Tags, some[i].Time = inputs.ExtraTags(in.cfg.Tags, some[i].Tags...), now
		}
		points = append(points, some...)
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		} else if len(points) == 0 {
			errs = append(errs, err) // no /proc at all
		}
	}
	if len(points) > 0 {
		errs = append(errs, out.Feed(ctx, point.Metric, points))
	}
	return errors.Join(errs...)
}

func (in *input) system() ([]point.Point, error) {
	load, err := parsed(in, "loadavg", procfs.ParseLoadavg)
	if err != nil {
		return nil, err
	}
	uptime, err := parsed(in, "uptime", parseUptime)
	if err != nil {
		return nil, err
	}
	if err := in.read("stat", in.stat.Parse); err != nil {
		return nil, err
	}
	if err := in.read("meminfo", in.info.Parse); err != nil {
		return nil, err
	}
	// Thread groups; the count in /proc/loadavg and of sysinfo(2) is of threads.
	in.pids, err = procfs.Processes(in.env.FS.Proc(), in.pids[:0])
	if err != nil {
		return nil, err
	}
	cpus := float64(max(in.stat.Online(), 1))
	fields := []point.Field{
		float("load1", load.One), float("load5", load.Five), float("load15", load.Fifteen),
		float("load1_per_core", load.One/cpus), float("load5_per_core", load.Five/cpus), float("load15_per_core", load.Fifteen/cpus),
		integer("n_cpus", uint64(in.stat.Online())), integer("uptime", uptime),
		integer("process_count", uint64(len(in.pids))), float("memory_usage", procfs.Percent(in.info.Used(), in.info.Total())),
	}
	users, err := countUsers(in.env.FS)
	if err == nil {
		fields = append(fields, integer("n_users", users))
	}
	after := in.stat.CPUs[0]
	if busy, ok := busy(&in.before, &after); ok {
		fields = append(fields, float("cpu_total_usage", busy))
	}
	in.before = after
	return []point.Point{{Measurement: Name, Fields: fields}}, err
}

// busy is the share of CPU time, in percent, that was not idle between two
// readings; false at the first, and when no time passed or counts began anew.
func busy(before, after *procfs.CPUTimes) (percent float64, ok bool) {
	total, was := after.Total(), before.Total()
	if before.Name == "" || total <= was {
		return 0, false
	}
	idle := after.Ticks[procfs.Idle] - min(before.Ticks[procfs.Idle], after.Ticks[procfs.Idle])
	return procfs.Percent(total-was-min(idle, total-was), total-was), true
}

func (in *input) conntrack() ([]point.Point, error) {
	entries, err := in.file.Number(in.env.FS.Proc("sys", "net", "netfilter", "nf_conntrack_count"))
	if err != nil {
		return nil, err // usually absent: the module is not loaded
	}
	limit, err := in.file.Number(in.env.FS.Proc("sys", "net", "netfilter", "nf_conntrack_max"))
	if err != nil {
		return nil, err
	}
	fields := []point.Field{integer("entries", entries), integer("entries_limit", limit)}
	counts, err := in.conntrackCounts()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // built without CONFIG_NF_CONNTRACK_PROCFS, which is on its way out
	}
	return []point.Point{{Measurement: "conntrack", Fields: append(fields, counts...)}}, err
}

func (in *input) conntrackCounts() ([]point.Field, error) {
	data, err := in.file.Read(procfs.NetFile(in.env.FS, "stat/nf_conntrack"))
	if err != nil {
		return nil, err
	}
	s, err := procfs.ParseConntrackStat(data)
	if err != nil {
		return nil, err
	}
	return []point.Field{
		integer("stat_found", s.Found), integer("stat_invalid", s.Invalid), integer("stat_ignore", s.Ignore),
		integer("stat_insert", s.Insert), integer("stat_insert_failed", s.InsertFailed), integer("stat_drop", s.Drop),
		integer("stat_early_drop", s.EarlyDrop), integer("stat_search_restart", s.SearchRestart),
	}, nil
}

func (in *input) filefd() ([]point.Point, error) {
	n, err := parsed(in, "sys/fs/file-nr", procfs.ParseFileNr)
	if err != nil {
		return nil, err
	}
	return []point.Point{{Measurement: "filefd", Fields: []point.Field{
		integer("allocated", n.Allocated), float("maximum_mega", float64(n.Max)/1e6),
	}}}, nil
}

func (in *input) pressure() ([]point.Point, error) {
	if !in.cfg.Pressure {
		return nil, nil
	}
	var points []point.Point
	for _, resource := range []string{"cpu", "memory", "io", "irq"} {
		fields, err := parsed(in, "pressure/"+resource, parsePressure)
		if unavailable(err) {
			continue
		}
		if err != nil {
			return points, err
		}
		points = append(points, point.Point{Measurement: "pressure", Tags: []point.Tag{{Key: "resource", Value: resource}}, Fields: fields})
	}
	return points, nil
}

// read reads a file below /proc and parses it.
func (in *input) read(name string, parse func([]byte) error) error {
	data, err := in.file.Read(in.env.FS.Proc(name))
	if err != nil {
		return err
	}
	return parse(data)
}

func parsed[T any](in *input, name string, parse func([]byte) (T, error)) (result T, err error) {
	err = in.read(name, func(data []byte) (err error) { result, err = parse(data); return err })
	return result, err
}

func integer(key string, v uint64) point.Field {
	return point.Field{Key: key, Value: point.Int(int64(v))}
}

func float(key string, v float64) point.Field { return point.Field{Key: key, Value: point.Float(v)} }
