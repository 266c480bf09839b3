package mounts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"datakit.dev/agent/internal/hostfs"
)

// What inputs leave out by default, as DataKit does.
const (
	DefaultIgnoreTypes       = `^(tmpfs|autofs|binfmt_misc|devpts|fuse.lxcfs|overlay|proc|squashfs|sysfs)$`
	DefaultIgnoreMountPoints = `^(/usr/local/datakit/.*|/run/containerd/.*)$`
)

// Options say which mounts are of interest.
type Options struct {
	IgnoreTypes       string   // regular expression of file system types
	IgnoreMountPoints string   // regular expression of mount points
	Extra             []string // devices to take whatever OnlyPhysical says
	Exclude           []string // devices to leave out; case does not matter
	OnlyPhysical      bool     // only file systems that lie on a device
	Merge             bool     // one mount per file system
}

// Filter is a checked [Options].
type Filter struct {
	opt           Options
	types, points *regexp.Regexp // nil: nothing is ignored
}

// NewFilter compiles the options. Errors begin with the key of the
// configuration, ignore_fstypes or ignore_mountpoints.
func NewFilter(o Options) (*Filter, error) {
	f := &Filter{opt: o}
	for _, e := range []struct {
		key, text string
		into      **regexp.Regexp
	}{{"ignore_fstypes", o.IgnoreTypes, &f.types}, {"ignore_mountpoints", o.IgnoreMountPoints, &f.points}} {
		if e.text == "" {
			continue
		}
		re, err := regexp.Compile(e.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.key, err)
		}
		*e.into = re
	}
	return f, nil
}

// Select keeps what is of interest. nodev are the types of file systems that
// need no device, see [NoDevice].
func (f *Filter) Select(all []Mount, nodev map[string]bool) []Mount {
	var kept []Mount
	for _, m := range all {
		switch {
		case f.types != nil && f.types.MatchString(m.FSType),
			f.points != nil && f.points.MatchString(m.MountPoint),
			slices.ContainsFunc(f.opt.Exclude, func(d string) bool { return strings.EqualFold(d, m.Source) }),
			f.opt.OnlyPhysical && nodev[m.FSType] && !slices.Contains(f.opt.Extra, m.Source):
			continue
		}
		kept = append(kept, m)
	}
	if f.opt.Merge {
		kept = merge(kept)
	}
	return kept
}

// merge keeps one mount per file system, as df does: the one whose root is
// nearest to that of the file system, then the shortest mount point.
func merge(all []Mount) []Mount {
	best := map[string]Mount{}
	for _, m := range all {
		b, seen := best[m.Device]
		if !seen || len(m.Root) < len(b.Root) || len(m.Root) == len(b.Root) && len(m.MountPoint) < len(b.MountPoint) {
			best[m.Device] = m
		}
	}
	return slices.DeleteFunc(all, func(m Mount) bool { return best[m.Device] != m })
}

// NoDevice returns the types of file systems that lie on no device, from
// /proc/filesystems.
func NoDevice(fs hostfs.Root) (map[string]bool, error) {
	data, err := os.ReadFile(fs.Proc("filesystems"))
	if err != nil {
		return nil, err
	}
	types := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "nodev"); ok {
			types[strings.TrimSpace(name)] = true
		}
	}
	// What an initramfs is unpacked to is no registered type.
	types["rootfs"] = true
	// ZFS claims to need no device and has a pool of disks below.
	delete(types, "zfs")
	return types, nil
}

// DeviceName is the source of a mount, with the kernel's alias for the root
// device (/dev/root) replaced by the device's name.
func DeviceName(fs hostfs.Root, m Mount) string {
	if m.Source != "/dev/root" {
		return m.Source
	}
	target, err := os.Readlink(fs.Sys("dev", "block", m.Device))
	if err != nil {
		return m.Source
	}
	return "/dev/" + filepath.Base(target)
}
