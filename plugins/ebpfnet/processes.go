package ebpfnet

import (
	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/process"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/ebpfnet/procs"
)

// processes is the table of processes and what feeds it. The table goes on
// without events, from /proc.
type processes struct {
	table   *process.Table
	watcher *procs.Watcher // nil when nobody asks for events, or there are none
}

func newProcesses(env plugins.Env) *processes {
	return &processes{table: process.New(process.Config{FS: env.FS, Now: env.Now})}
}

// open attaches to the events.
func (p *processes) open() (err error) {
	p.watcher, err = procs.Open()
	return err
}

// poll enters what happened and says who executed a program. It belongs to
// one goroutine.
func (p *processes) poll(executed func(pid uint32)) error {
	if p.watcher == nil {
		return nil
	}
	return p.watcher.Drain(func(ev *process.Event) {
		p.table.Note(ev)
		if !ev.Ended {
			executed(ev.PID)
		}
	})
}

// name of a process, "" when unknown.
func (p *processes) name(pid uint32) string {
	info, _ := p.table.Lookup(pid)
	return info.Name
}

func (p *processes) status() []bpf.Status {
	if p.watcher == nil {
		return nil
	}
	return p.watcher.Status()
}

func (p *processes) close() error {
	if p.watcher == nil {
		return nil
	}
	return p.watcher.Close()
}
