package ebpfnet

import (
	"datakit.dev/agent/internal/containers"
	"datakit.dev/agent/internal/process"
	"datakit.dev/agent/plugins"
)

// containerFinder finds the container of a socket: by the socket's cgroup
// v2, or where containers live in cgroup v1 only, by its process.
type containerFinder struct {
	cgroups   *containers.Cgroups
	processes *process.Table
}

func newContainerFinder(env plugins.Env) *containerFinder {
	return &containerFinder{
		cgroups:   containers.NewCgroups(env.FS, env.Now),
		processes: process.New(process.Config{FS: env.FS, Now: env.Now}),
	}
}

// find returns the id of the container, "" when there is none.
func (f *containerFinder) find(cgroup uint64, pid uint32) string {
	if id := f.cgroups.Container(cgroup); id != "" || pid == 0 {
		return id
	}
	return containers.FromProc(f.processes.Cgroup(pid))
}
