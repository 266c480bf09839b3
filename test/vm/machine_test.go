// Package vm proves that the guests of `make test-vm` are what the kernel
// tests stand on. Its tests run in a guest only.
package vm

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func guest(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/t/run"); err != nil {
		t.Skip("not in a guest of test/vm/test.sh")
	}
}

func TestGuest(t *testing.T) {
	guest(t)
	version, err := os.ReadFile("/proc/version")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", version)
	if os.Geteuid() != 0 {
		t.Error("the tests do not run as root")
	}
	for path, magic := range map[string]int64{
		"/sys/fs/bpf":         unix.BPF_FS_MAGIC,
		"/sys/fs/cgroup":      unix.CGROUP2_SUPER_MAGIC,
		"/sys/kernel/tracing": unix.TRACEFS_MAGIC,
	} {
		var st unix.Statfs_t
		if err := unix.Statfs(path, &st); err != nil || int64(st.Type) != magic {
			t.Errorf("%s: type %x (%v), want %x", path, st.Type, err, magic)
		}
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		t.Error(err)
	}
	modules, _ := os.ReadFile("/proc/modules")
	for _, m := range []string{"veth", "nf_conntrack", "sch_netem"} {
		if !strings.Contains(string(modules), m+" ") {
			t.Errorf("module %s is not loaded", m)
		}
	}
}
