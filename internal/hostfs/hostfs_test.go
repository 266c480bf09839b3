package hostfs

import "testing"

func TestRoot(t *testing.T) {
	container := FromEnv(func(name string) string {
		return map[string]string{"HOST_PROC": "/rootfs/proc", "HOST_SYS": "/host/sys", "HOST_ROOT": "/rootfs"}[name]
	})
	tests := map[string]struct{ got, want string }{
		"host proc":      {Root{}.Proc("1", "ns", "net"), "/proc/1/ns/net"},
		"host sys":       {Root{}.Sys("fs", "cgroup"), "/sys/fs/cgroup"},
		"host root":      {Root{}.Path("run", "netns"), "/run/netns"},
		"container proc": {container.Proc("1", "stat"), "/rootfs/proc/1/stat"},
		"container sys":  {container.Sys("kernel", "btf"), "/host/sys/kernel/btf"},
		"container root": {container.Path("etc", "hostname"), "/rootfs/etc/hostname"},
		"no elements":    {container.Path(), "/rootfs"},
	}
	for name, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", name, test.got, test.want)
		}
	}
}
