package ebpfnet

import (
	"errors"

	"datakit.dev/agent/internal/containers"
)

// mountCgroups returns a path to the host's cgroup v2 file system, "" when
// there is none to be had.
func (p *Plugin) mountCgroups() (string, error) {
	mount, err := containers.Mount(p.env.FS)
	if !errors.Is(err, containers.ErrNoCgroup2) {
		return mount, err
	}
	if p.cgroups, err = containers.MountDetached(); err != nil {
		p.env.Log.Warn("no hook on the sockets of the machine", "error", err)
		return "", nil
	}
	return containers.DetachedPath(p.cgroups), nil
}
