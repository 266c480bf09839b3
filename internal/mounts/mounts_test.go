package mounts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/hostfs"
)

func node(t *testing.T) []Mount {
	t.Helper()
	data, err := os.ReadFile("testdata/kubernetes-node.mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	all, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestParse(t *testing.T) {
	all := node(t)
	if len(all) != 13 {
		t.Errorf("%d mounts, want 13: two lie on /mnt/again", len(all))
	}
	i := slices.IndexFunc(all, func(m Mount) bool { return m.Device == "253:1" })
	if want := (Mount{"253:1", "/", "/var/lib/data base", "xfs", "/dev/mapper/vg0-data", false}); all[i] != want {
		t.Errorf("got %+v, want %+v", all[i], want)
	}
	i = slices.IndexFunc(all, func(m Mount) bool { return m.MountPoint == "/mnt/again" })
	if all[i].FSType != "vfat" {
		t.Errorf("the upper mount is %+v", all[i])
	}
	for _, bad := range []string{"36 35 98:0 / /mnt rw", "36 35 98:0 /mnt - ext3 x rw", "1 2 3:4 / / rw - ext4", "\n"} {
		if _, err := parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), "is not a mount") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Mounts that nobody can reach are not those that statfs(2) finds at their
// mount point.
func TestHiddenMounts(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"folder above": {`20 1 8:1 / / rw - ext4 /dev/sda1 rw
30 20 0:30 / /a/b rw - tmpfs HIDDEN rw
31 20 0:31 / /a rw - tmpfs OVER rw
32 31 0:32 / /a/c rw - tmpfs LATER rw
33 20 0:33 / /ab rw - tmpfs BESIDE rw
`, "/dev/sda1 OVER LATER BESIDE"},
		"mount in a hidden mount": {`20 1 8:1 / / rw - ext4 /dev/sda1 rw
30 20 0:30 / /a/b rw - tmpfs HIDDEN rw
31 30 0:31 / /a/b/c rw - tmpfs INSIDE rw
32 20 0:32 / /a rw - tmpfs OVER rw
`, "/dev/sda1 OVER"},
		"twice on one mount point": {`20 1 8:1 / / rw - ext4 /dev/sda1 rw
30 20 0:30 / /a rw - tmpfs HIDDEN rw
31 30 0:31 / /a/b rw - tmpfs INSIDE rw
32 30 0:32 / /a rw - tmpfs OVER rw
`, "/dev/sda1 OVER"},
		"first root file system": {`1 1 0:1 / / rw - rootfs rootfs rw
20 1 8:1 / / rw - ext4 /dev/sda1 rw
21 1 0:5 / /dev rw - devtmpfs EARLY rw
22 20 0:6 / /dev rw - devtmpfs DEV rw
`, "/dev/sda1 DEV"},
		"first root file system alone": {`1 1 0:1 / / rw - rootfs rootfs rw
21 1 0:5 / /dev rw - devtmpfs DEV rw
`, "rootfs DEV"},
		"nonsense": {"5 6 8:1 / /a rw - ext4 A rw\n6 5 8:2 / /a/b rw - ext4 B rw\n", "A B"},
		"spaces":   {"20 1 8:1 / /n\u3000b\u00a0c\u0085d rw - ext4 /dev/sda1 rw\n", "/dev/sda1"},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := parse([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range all {
				got = append(got, m.Source)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if name == "spaces" && all[0].MountPoint != "/n\u3000b\u00a0c\u0085d" {
				t.Errorf("mount point %q", all[0].MountPoint)
			}
		})
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{`/a\040b`: "/a b", `/a\134b`: `/a\b`, `\011`: "\t", `/x\04`: `/x\04`, `/x\`: `/x\`, `\089`: `\089`} {
		if got := unescape(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestSelect(t *testing.T) {
	nodev := map[string]bool{"tmpfs": true, "nfs4": true, "overlay": true}
	tests := []struct {
		name string
		opt  Options
		want []string
	}{
		{"default", Options{IgnoreTypes: DefaultIgnoreTypes, IgnoreMountPoints: DefaultIgnoreMountPoints, Merge: true},
			[]string{"/", "/var/lib/data base", "/pool", "/mnt/nfs", "/mnt/again"}},
		{"every mount", Options{IgnoreTypes: DefaultIgnoreTypes, IgnoreMountPoints: DefaultIgnoreMountPoints},
			[]string{"/", "/var/lib/data base", "/srv/pg", "/pool", "/pool/home", "/mnt/nfs", "/mnt/again"}},
		{"physical", Options{IgnoreTypes: DefaultIgnoreTypes, Merge: true, OnlyPhysical: true},
			[]string{"/", "/var/lib/data base", "/pool", "/mnt/again"}},
		{"physical and one more", Options{IgnoreTypes: DefaultIgnoreTypes, Merge: true, OnlyPhysical: true, Extra: []string{"server:/export"}},
			[]string{"/", "/var/lib/data base", "/pool", "/mnt/nfs", "/mnt/again"}},
		{"excluded", Options{IgnoreTypes: DefaultIgnoreTypes, Merge: true, Exclude: []string{"/DEV/Mapper/vg0-data", "server:/export", "/dev/sdb1"}},
			[]string{"/", "/mnt/again"}},
		{"mount points", Options{IgnoreTypes: DefaultIgnoreTypes, IgnoreMountPoints: "^/(pool|mnt|srv)", Merge: true},
			[]string{"/", "/var/lib/data base"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := NewFilter(tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range f.Select(node(t), nodev) {
				got = append(got, m.MountPoint)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for key, o := range map[string]Options{"ignore_fstypes": {IgnoreTypes: "("}, "ignore_mountpoints": {IgnoreMountPoints: "["}} {
		if _, err := NewFilter(o); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestHost(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("proc/1/mountinfo", "30 1 259:2 / / rw - ext4 /dev/root rw\n")
	write("proc/self/mountinfo", "30 1 0:9 / / rw - overlay overlay rw\n")
	write("proc/filesystems", "nodev\tsysfs\nnodev\tzfs\n\text4\n")
	write("sys/dev/block/x", "")
	if err := os.Symlink("../../devices/pci/nvme0n1/nvme0n1p2", filepath.Join(root, "sys/dev/block/259:2")); err != nil {
		t.Fatal(err)
	}
	fs := hostfs.Root{ProcDir: filepath.Join(root, "proc"), SysDir: filepath.Join(root, "sys")}
	all, err := Read(fs)
	if err != nil || len(all) != 1 || all[0].FSType != "ext4" {
		t.Fatalf("in a container the mounts of the host count: %+v, %v", all, err)
	}
	if got := DeviceName(fs, all[0]); got != "/dev/nvme0n1p2" {
		t.Errorf("the root device is %s", got)
	}
	nodev, err := NoDevice(fs)
	if err != nil || !nodev["sysfs"] || nodev["ext4"] || nodev["zfs"] {
		t.Errorf("%v, %v", nodev, err)
	}
}

// TestAgainstFindmnt: the kernel's list as libmount reads it.
func TestAgainstFindmnt(t *testing.T) {
	if _, err := exec.LookPath("findmnt"); err != nil {
		t.Skip("findmnt of util-linux is missing")
	}
	list := func() string {
		out, err := exec.Command("findmnt", "--kernel", "--list", "--noheadings", "--raw", "--output", "TARGET").Output()
		if err != nil {
			t.Skipf("findmnt does not work here: %v", err)
		}
		return string(out)
	}
	before := list()
	all, err := Read(hostfs.Root{})
	if err != nil {
		t.Fatal(err)
	}
	if after := list(); before != after {
		t.Skip("mounts changed meanwhile")
	}
	seen := map[string]bool{}
	for _, m := range all {
		seen[m.MountPoint] = true
	}
	targets := map[string]bool{}
	for line := range strings.Lines(before) {
		target := strings.ReplaceAll(strings.TrimSpace(line), `\x20`, " ")
		var s unix.Statx_t
		if err := unix.Statx(unix.AT_FDCWD, target, unix.AT_NO_AUTOMOUNT, unix.STATX_BASIC_STATS, &s); err == nil && s.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 && s.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
			continue // the kernel finds no mount there: one above covers it (from Linux 5.8)
		}
		targets[target] = true
	}
	for target := range targets {
		if !seen[target] {
			t.Errorf("%s is missing", target)
		}
	}
	if len(seen) != len(targets) {
		t.Errorf("%d mount points, findmnt shows %d", len(seen), len(targets))
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"kubernetes-node", "initramfs-5.10"} {
		data, err := os.ReadFile("testdata/" + name + ".mountinfo")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parse(data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, m := range all {
			if seen[m.MountPoint] {
				t.Errorf("%s is listed twice", m.MountPoint)
			}
			seen[m.MountPoint] = true
		}
		if kept := merge(slices.Clone(all)); len(kept) > len(all) {
			t.Errorf("%d mounts became %d", len(all), len(kept))
		}
	})
}
