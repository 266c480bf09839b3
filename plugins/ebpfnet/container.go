package ebpfnet

import (
	"datakit.dev/agent/internal/containers"
	"datakit.dev/agent/internal/process"
	"datakit.dev/agent/plugins"
)

// containerFinder finds the container of a socket: by the socket's cgroup
// v2, or where containers live in cgroup v1 only, by its process. Of a process
// that is gone its cgroup v2 is known, if there were events.
type containerFinder struct {
	cgroups   *containers.Cgroups
	processes *process.Table
}

func newContainerFinder(env plugins.Env, processes *process.Table) *containerFinder {
	return &containerFinder{cgroups: containers.NewCgroups(env.FS, env.Now), processes: processes}
}

// find returns the id of the container, "" when there is none.
func (f *containerFinder) find(cgroup uint64, pid uint32) string {
	if id := f.cgroups.Container(cgroup); id != "" || pid == 0 {
		return id
	}
	if id := containers.FromProc(f.processes.Cgroup(pid)); id != "" {
		return id
	}
	return f.cgroups.Container(f.processes.CgroupID(pid))
}
