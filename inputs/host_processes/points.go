package hostprocesses

import (
	"encoding/json"
	"os"
	"strconv"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// object makes the object of a process.
func (in *input) object(p *process, now time.Time) point.Point {
	cmdline := p.cmdline
	if cmdline == "" { // a kernel thread, or a zombie
		cmdline = "(" + p.Name + ")"
	}
	tags := inputs.ExtraTags(in.cfg.Tags,
		point.Tag{Key: "name", Value: in.env.Hostname + "_" + strconv.Itoa(p.pid)},
		point.Tag{Key: "process_name", Value: p.Name}, point.Tag{Key: "username", Value: p.user},
		point.Tag{Key: "state", Value: stateName(p.State)}, point.Tag{Key: "container_id", Value: *p.container},
	)
	fields := append(common(p),
		point.Field{Key: "pid", Value: point.Int(int64(p.pid))},
		point.Field{Key: "cmdline", Value: point.String(cmdline)},
		point.Field{Key: "start_time", Value: point.Int(int64(p.started))},
		point.Field{Key: "started_duration", Value: point.Int(int64(p.age.Seconds()))},
		point.Field{Key: "state_zombie", Value: point.Bool(p.State == 'Z')},
	)
	if p.cwd != "" {
		fields = append(fields, point.Field{Key: "work_directory", Value: point.String(p.cwd)})
	}
	if in.cfg.ListenPorts {
		ports, _ := json.Marshal(append([]int{}, p.ports...)) // a list of numbers
		fields = append(fields, point.Field{Key: "listen_ports", Value: point.String(string(ports))})
	}
	fields = append(fields, point.Field{Key: "message", Value: point.String(message(tags, fields))})
	return point.Point{Measurement: Name, Tags: tags, Fields: fields, Time: now.UnixNano()}
}

// metric makes the metric of a process.
func (in *input) metric(p *process, now time.Time) point.Point {
	return point.Point{
		Measurement: Name, Fields: common(p), Time: now.UnixNano(),
		Tags: inputs.ExtraTags(in.cfg.Tags,
			point.Tag{Key: "process_name", Value: p.Name}, point.Tag{Key: "username", Value: p.user},
			point.Tag{Key: "container_id", Value: *p.container}, point.Tag{Key: "pid", Value: strconv.Itoa(p.pid)},
			point.Tag{Key: "cmdline", Value: p.cmdline},
		),
	}
}

// common makes the fields that objects and metrics share. What is not known,
// mostly for lack of privilege, is left out.
func common(p *process) []point.Field {
	all := make([]point.Field, 0, len(columns)+8)
	for i := range columns {
		if v := columns[i].of(p); v.Kind() != 0 {
			all = append(all, point.Field{Key: columns[i].key, Value: v})
		}
	}
	return all
}

// message is all of an object as JSON, for people.
func message(tags []point.Tag, fields []point.Field) string {
	m := make(map[string]any, len(tags)+len(fields))
	for _, t := range tags {
		if t.Value != "" {
			m[t.Key] = t.Value
		}
	}
	for _, f := range fields {
		switch v := f.Value; v.Kind() {
		case point.KindInt:
			m[f.Key] = v.AsInt()
		case point.KindFloat:
			m[f.Key] = v.AsFloat()
		case point.KindBool:
			m[f.Key] = v.AsBool()
		default:
			m[f.Key] = v.AsString()
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return "{}" // a float that is not a number; there is none
	}
	return string(text)
}

// stateName spells a state of proc_pid_stat(5) out, in DataKit's words.
func stateName(state byte) string {
	switch state {
	case 'R':
		return "running"
	case 'S':
		return "sleep"
	case 'D':
		return "blocked"
	case 'I':
		return "idle"
	case 'Z':
		return "zombie"
	case 'T', 't':
		return "stop"
	case 'X', 'x':
		return "dead"
	}
	return "unknown"
}

// usage is the CPU time since the start of a process, in percent of one CPU.
func (p *process) usage() float64 {
	if p.age <= 0 {
		return 0
	}
	return 100 * float64(p.Ticks) / userHZ / p.age.Seconds()
}

// resident is the memory a process has in RAM, in bytes.
func (p *process) resident() uint64 { return p.RSS * uint64(os.Getpagesize()) }

func (p *process) memoryPercent() float64 { return procfs.Percent(p.resident(), p.memory) }
