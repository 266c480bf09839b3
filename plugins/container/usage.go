package container

import (
	"errors"
	"io/fs"
	"time"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container/cgroup"
	"datakit.dev/agent/plugins/container/runtimes"
)

// machine is what the use of a container is compared with.
type machine struct {
	cores  int
	memory uint64 // bytes; 0 is unknown
}

// meter turns readings of cgroups into fields. It remembers the CPU time of
// the last reading of each container.
type meter struct {
	read    *cgroup.Reader
	host    machine
	now     func() time.Time
	last    map[string]reading // by container id
	current map[string]reading // of the gather under way
}

type reading struct {
	at  time.Time
	cpu time.Duration
	pid int
}

// begin starts a gather; end forgets the containers that it did not see.
func (m *meter) begin() { m.current = map[string]reading{} }
func (m *meter) end()   { m.last, m.current = m.current, nil }

// fields reads one container. ok is false when it has ended meanwhile.
func (m *meter) fields(c runtimes.Container) (all []plugins.Field, ok bool, err error) {
	s, err := m.read.Stats(c.PID, c.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	at := m.now()
	add := func(key string, v plugins.Value) { all = append(all, plugins.Field{Key: key, Value: v}) }
	add("cpu_numbers", plugins.Int(int64(m.host.cores)))
	if s.CPULimit > 0 {
		add("cpu_limit_millicores", plugins.Int(int64(s.CPULimit*1000)))
	}
	if s.Has.CPU {
		now := reading{at: at, cpu: s.CPU, pid: c.PID}
		before, seen := m.last[c.ID]
		m.current[c.ID] = now
		// A container that was restarted has begun to count anew.
		if passed := now.at.Sub(before.at); seen && passed > 0 && now.cpu >= before.cpu && now.pid == before.pid {
			cores := float64(now.cpu-before.cpu) / float64(passed)
			add("cpu_usage", plugins.Float(cores*100))
			add("cpu_usage_base100", plugins.Float(cores*100/float64(m.host.cores)))
			add("cpu_usage_millicores", plugins.Int(int64(cores*1000+.5)))
			if s.CPULimit > 0 {
				add("cpu_usage_base_limit", plugins.Float(cores*100/s.CPULimit))
			}
		}
	}
	if s.Has.Memory {
		add("mem_usage", plugins.Int(int64(s.Memory)))
		if m.host.memory > 0 {
			add("mem_capacity", plugins.Int(int64(m.host.memory)))
			add("mem_used_percent", plugins.Float(100*float64(s.Memory)/float64(m.host.memory)))
		}
		if s.MemoryLimit > 0 {
			add("mem_limit", plugins.Int(int64(s.MemoryLimit)))
			add("mem_used_percent_base_limit", plugins.Float(100*float64(s.Memory)/float64(s.MemoryLimit)))
		}
	}
	if s.Has.OOM {
		add("oom_kills", plugins.Int(int64(s.OOMKills)))
	}
	if s.Has.IO {
		add("block_read_byte", plugins.Int(int64(s.Read)))
		add("block_write_byte", plugins.Int(int64(s.Written)))
	}
	n, own, nerr := m.read.Network(c.PID)
	if nerr == nil && own {
		add("network_bytes_rcvd", plugins.Int(int64(n.Received)))
		add("network_bytes_sent", plugins.Int(int64(n.Sent)))
	}
	if errors.Is(nerr, fs.ErrNotExist) {
		return nil, false, nil
	}
	return all, true, errors.Join(err, nerr)
}
