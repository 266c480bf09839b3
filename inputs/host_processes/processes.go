// Package hostprocesses describes the processes of the host as objects and
// measures them as metrics.
//
//	/proc ──► every pid: stat ──► age, name, cap ──► those left: status, io, cmdline, … ──► points
//
// What most processes need is one file; only those that are reported cost more.
package hostprocesses

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// Name is the name of the input, as in [[inputs.host_processes]]. It is the
// name of the measurement and the class of the objects too.
const Name = "host_processes"

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true, Rates: true,
		Help:   "The processes of the host: as objects, and with open_metric as metrics.",
		Spec:   spec(),
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return newInput(cfg.(*Config), env) },
	}
}

// errTooMany is wrapped by the error of a gathering that left processes out.
var errTooMany = errors.New("too many processes")

type input struct {
	cfg   *Config
	env   inputs.Env
	names inputs.Patterns
	reader
	users users
	procs []procfs.Entry

	objectsDue, metricsDue time.Time
	old                    map[identity]remembered
	kernel                 map[procfs.Entry]identity // threads of the kernel
}

// identity names a process for good: pids are used again.
type identity struct {
	pid   int
	start uint64
}

// remembered is what is kept of a process from one gathering to the next.
type remembered struct {
	at        time.Time
	ticks     uint64
	container *string // nil: not looked up yet
}

func newInput(cfg *Config, env inputs.Env) (*input, error) {
	names, err := inputs.CompilePatterns("process_name", cfg.ProcessName)
	return &input{cfg: cfg, env: env, names: names, reader: reader{fs: env.FS}}, err
}

// Gather implements [inputs.Input].
func (in *input) Gather(ctx context.Context, out point.Sink) error {
	now := in.env.Now()
	objects, metrics := in.due(now)
	all, err := in.list(now, objects)
	if err != nil {
		return err
	}
	var errs []error
	if err := in.users.refresh(in.env.FS); err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	if len(all) > in.cfg.MaxProcesses {
		// The text is the same each time, so that it is logged once.
		errs = append(errs, fmt.Errorf("%w: only %d are reported, see max_processes", errTooMany, in.cfg.MaxProcesses))
		slices.SortFunc(all, func(a, b process) int {
			return cmp.Or(cmp.Compare(b.used, a.used), cmp.Compare(b.RSS, a.RSS), cmp.Compare(a.pid, b.pid))
		})
		all = all[:in.cfg.MaxProcesses]
	}
	var ports *listeners
	if objects && in.cfg.ListenPorts {
		ports = newListeners(in.env.FS)
	}
	var objectPoints, metricPoints []point.Point
	for i := range all {
		p := &all[i]
		// A name that the kernel cut is known only with the command line.
		candidate := metrics && (len(p.Name) >= commLength || in.names.Match(p.Name))
		if !objects && !candidate || !in.complete(p, objects, ports) {
			continue
		}
		if objects {
			objectPoints = append(objectPoints, in.object(p, now))
		}
		if candidate && p.cmdline != "" && in.names.Match(p.Name) {
			metricPoints = append(metricPoints, in.metric(p, now))
		}
	}
	if len(objectPoints) > 0 {
		errs = append(errs, out.Feed(ctx, point.Object, objectPoints))
	}
	if len(metricPoints) > 0 {
		errs = append(errs, out.Feed(ctx, point.Metric, metricPoints))
	}
	return errors.Join(errs...)
}

// due tells what this gathering is for. Gatherings come at the shorter of two
// intervals, on its grid; a tenth of it early is not too early.
func (in *input) due(now time.Time) (objects, metrics bool) {
	slack := in.cfg.GatherInterval() / 10
	if now.Add(slack).After(in.objectsDue) {
		objects, in.objectsDue = true, now.Add(in.cfg.ObjectInterval)
	}
	if in.cfg.OpenMetric && now.Add(slack).After(in.metricsDue) {
		metrics, in.metricsDue = true, now.Add(in.cfg.MetricInterval)
	}
	return objects, metrics
}

// list reads the stat of every process and keeps those of interest. What is
// known to be a thread of the kernel is not read where it is no subject.
func (in *input) list(now time.Time, objects bool) (all []process, err error) {
	if in.procs, err = procfs.Processes(in.env.FS.Proc(), in.procs[:0]); err != nil {
		return nil, err
	}
	if err := in.machine(); err != nil {
		return nil, err
	}
	old, kernel := in.old, in.kernel
	in.old, in.kernel = make(map[identity]remembered, len(in.procs)), make(map[procfs.Entry]identity, len(kernel))
	for _, entry := range in.procs {
		if id, known := kernel[entry]; known && !objects {
			in.kernel[entry], in.old[id] = id, old[id]
			continue
		}
		p, ok := in.stat(entry.PID)
		if !ok {
			continue // it ended
		}
		id := identity{entry.PID, p.Start}
		if p.Kernel {
			in.kernel[entry] = id
		}
		before, known := old[id]
		if elapsed := now.Sub(before.at); known && elapsed > 0 && p.Ticks >= before.ticks {
			p.used, p.usedKnown = float64(p.Ticks-before.ticks)/elapsed.Seconds()/userHZ*100, true
		}
		p.container = before.container
		in.old[id] = remembered{now, p.Ticks, p.container}
		if p.age < in.cfg.MinRunTime {
			continue
		}
		if in.cfg.OnlyContainers && in.containerOf(&p) == "" {
			continue
		}
		all = append(all, p)
	}
	return all, nil
}

// containerOf looks up once per process which container it is in.
func (in *input) containerOf(p *process) string {
	if p.container == nil {
		id := in.container(p.pid)
		p.container = &id
		of := identity{p.pid, p.Start}
		in.old[of] = remembered{in.old[of].at, p.Ticks, p.container}
	}
	return *p.container
}
