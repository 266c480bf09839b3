package containers

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// InitCgroupNamespace is the inode number of the cgroup namespace that a
// machine starts with: PROC_CGROUP_INIT_INO of include/linux/proc_ns.h.
const InitCgroupNamespace = 0xEFFFFFFB

// errCgroupNamespace: what is mounted here would begin at our own cgroup.
var errCgroupNamespace = errors.New("this process has a cgroup namespace of its own")

// MountDetached mounts the host's cgroup v2 file system where nobody else
// sees it (fsmount(2), from Linux 5.2, needs CAP_SYS_ADMIN), for hosts that
// have cgroup v1 alone. [DetachedPath] leads to it until the file is closed.
func MountDetached() (*os.File, error) {
	var namespace unix.Stat_t
	if err := unix.Stat("/proc/self/ns/cgroup", &namespace); err != nil {
		return nil, fmt.Errorf("mount cgroup v2: %w", err)
	}
	if namespace.Ino != InitCgroupNamespace {
		return nil, fmt.Errorf("mount cgroup v2: %w", errCgroupNamespace)
	}
	context, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("mount cgroup v2: fsopen: %w", err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return nil, fmt.Errorf("mount cgroup v2: fsconfig: %w", err)
	}
	root, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return nil, fmt.Errorf("mount cgroup v2: fsmount: %w", err)
	}
	return os.NewFile(uintptr(root), "cgroup2"), nil
}

// DetachedPath is a path to a file of [MountDetached], good in this process
// alone.
func DetachedPath(root *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", root.Fd()) }
