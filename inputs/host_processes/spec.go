package hostprocesses

import "datakit.dev/agent/internal/point"

// column is a field of objects and metrics. of returns the zero Value when it
// is not known.
type column struct {
	key, unit, help string
	kind            point.Kind
	optional        bool
	of              func(*process) point.Value
}

func count(key, unit, help string, of func(*process) uint64) column {
	return column{key, unit, help, point.KindInt, false, func(p *process) point.Value { return point.Int(int64(of(p))) }}
}

func percent(key, help string, of func(*process) float64) column {
	return column{key, "percent", help, point.KindFloat, false, func(p *process) point.Value { return point.Float(of(p)) }}
}

// when makes a column optional.
func when(known func(*process) bool, c column) column {
	of := c.of
	c.optional = true
	c.of = func(p *process) point.Value {
		if !known(p) {
			return point.Value{}
		}
		return of(p)
	}
	return c
}

func usedKnown(p *process) bool  { return p.usedKnown }
func ioKnown(p *process) bool    { return p.ioKnown }
func filesKnown(p *process) bool { return p.filesKnown }

var columns = []column{
	percent("cpu_usage", "CPU time since the process was started; 100 is one CPU.", (*process).usage),
	when(usedKnown, percent("cpu_usage_top", "CPU time since the gathering before; 100 is one CPU. Absent the first time.", func(p *process) float64 { return p.used })),
	percent("mem_used_percent", "rss of the memory of the machine.", (*process).memoryPercent),
	count("rss", "B", "Memory in RAM.", (*process).resident),
	count("vms", "B", "Virtual memory.", func(p *process) uint64 { return p.VSize }),
	count("threads", "count", "Threads.", func(p *process) uint64 { return p.Threads }),
	when(filesKnown, count("open_files", "count", "Open files. Needs privilege for processes of other users.", func(p *process) uint64 { return p.files })),
	when(ioKnown, count("proc_syscr", "count", "System calls that read. Needs privilege for processes of other users.", func(p *process) uint64 { return p.io.SysCR })),
	when(ioKnown, count("proc_syscw", "count", "System calls that write. Needs privilege for processes of other users.", func(p *process) uint64 { return p.io.SysCW })),
	when(ioKnown, count("proc_read_bytes", "B", "Read from devices. Needs privilege for processes of other users.", func(p *process) uint64 { return p.io.ReadBytes })),
	when(ioKnown, count("proc_write_bytes", "B", "Written to devices. Needs privilege for processes of other users.", func(p *process) uint64 { return p.io.WriteBytes })),
	count("voluntary_ctxt_switches", "count", "Times the main thread waited for something.", func(p *process) uint64 { return p.Voluntary }),
	count("nonvoluntary_ctxt_switches", "count", "Times the main thread was interrupted in favour of another.", func(p *process) uint64 { return p.Nonvoluntary }),
	count("page_minor_faults", "count", "Page faults without I/O.", func(p *process) uint64 { return p.MinFaults }),
	count("page_major_faults", "count", "Page faults with I/O.", func(p *process) uint64 { return p.MajFaults }),
	count("page_children_minor_faults", "count", "Of children that ended.", func(p *process) uint64 { return p.ChildMinFaults }),
	count("page_children_major_faults", "count", "Of children that ended.", func(p *process) uint64 { return p.ChildMajFaults }),
}

func spec() []point.Measurement {
	shared := make([]point.FieldSpec, 0, len(columns)+8)
	for _, c := range columns {
		shared = append(shared, point.FieldSpec{Key: c.key, Unit: c.unit, Kind: c.kind, Help: c.help, Optional: c.optional})
	}
	process := point.TagSpec{Key: "process_name", Help: "Name of the process."}
	user := point.TagSpec{Key: "username", Help: "Its user, by /etc/passwd of the host, or his number."}
	container := point.TagSpec{Key: "container_id", Help: "Container it runs in, by its cgroup. Absent outside of containers."}
	container.Optional = true
	return []point.Measurement{
		{
			Name: Name, Category: point.Object, Help: "Processes as objects.",
			Tags: []point.TagSpec{{Key: "name", Help: "<host>_<pid>"}, process, user,
				{Key: "state", Help: "running, sleep, blocked, idle, stop, zombie or dead."}, container},
			Fields: append(append([]point.FieldSpec{}, shared...), []point.FieldSpec{
				{Key: "pid", Kind: point.KindInt, Help: "Number of the process."},
				{Key: "cmdline", Kind: point.KindString, Help: "Command and arguments, cut at 4096 bytes; \"(<name>)\" of kernel threads."},
				{Key: "start_time", Unit: "ms", Kind: point.KindInt, Help: "When it was started, since the Unix epoch."},
				{Key: "started_duration", Unit: "s", Kind: point.KindInt, Help: "How long ago that was."},
				{Key: "state_zombie", Kind: point.KindBool, Help: "It ended and its parent has not asked for its status."},
				{Key: "work_directory", Kind: point.KindString, Optional: true, Help: "Working directory. Needs privilege for processes of other users."},
				{Key: "listen_ports", Kind: point.KindString, Optional: true, Help: "JSON list of TCP ports it listens on; with enable_listen_ports."},
				{Key: "message", Kind: point.KindString, Help: "All of this as JSON."},
			}...),
		}, {
			Name: Name, Category: point.Metric, Help: "Processes as metrics, with open_metric = true. Those without a command line, such as kernel threads, are left out.",
			Tags: []point.TagSpec{process, user, container, {Key: "pid", Help: "Number of the process."},
				{Key: "cmdline", Help: "Command and arguments, cut at 1024 bytes."}},
			Fields: shared,
		},
	}
}
