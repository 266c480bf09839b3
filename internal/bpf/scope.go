package bpf

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Scope restricts what programs look at: sockets in one of the network
// namespaces and in one of the cgroup v2 subtrees. An empty list is no
// restriction. See plugins/bpf/scope.h.
type Scope struct {
	Netns   []uint32 // inode numbers
	Cgroups []uint64 // ids, which are inode numbers
}

// ResolveScope turns what a user wrote into a Scope: network namespaces as
// paths or inode numbers, cgroups as paths, absolute or below the mount point
// of cgroup v2, or inode numbers. What it names must exist.
func ResolveScope(netns, cgroups []string, cgroupMount string) (Scope, error) {
	var s Scope
	var errs []error
	for _, text := range netns {
		n, err := inode(text, unix.NSFS_MAGIC, "a network namespace")
		if err == nil && n > math.MaxUint32 {
			err = fmt.Errorf("%q is not the inode number of a network namespace", text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("scope_netns: %w", err))
		}
		s.Netns = append(s.Netns, uint32(n))
	}
	for _, text := range cgroups {
		n, err := inode(text, unix.CGROUP2_SUPER_MAGIC, "a cgroup v2")
		if err != nil && cgroupMount != "" {
			if below, err2 := inode(filepath.Join(cgroupMount, text), unix.CGROUP2_SUPER_MAGIC, "a cgroup v2"); err2 == nil {
				n, err = below, nil
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("scope_cgroups: %w", err))
		}
		s.Cgroups = append(s.Cgroups, n)
	}
	if err := errors.Join(errs...); err != nil {
		return Scope{}, err
	}
	return s, nil
}

// inode returns the number text is, or the one of the path it is, which has
// to lie in a file system of the given kind.
func inode(text string, magic int64, what string) (uint64, error) {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n, nil
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(text, &fs); err != nil {
		return 0, fmt.Errorf("%q: %w", text, err)
	}
	if int64(fs.Type) != magic {
		return 0, fmt.Errorf("%q is not %s", text, what)
	}
	var st unix.Stat_t
	if err := unix.Stat(text, &st); err != nil {
		return 0, fmt.Errorf("%q: %w", text, err)
	}
	return st.Ino, nil
}

// The names in plugins/bpf/scope.h.
const (
	mapNetns, constNetns     = "scope_netns", "scoped_by_netns"
	mapCgroups, constCgroups = "scope_cgroups", "scoped_by_cgroup"
)

func (s Scope) constants(c map[string]any) {
	c[constNetns] = len(s.Netns) > 0
	c[constCgroups] = len(s.Cgroups) > 0
}

// entries returns the size of a scope map, 0 for other maps and for the
// compiled size.
func (s Scope) entries(name string) uint32 {
	switch name {
	case mapNetns:
		return uint32(len(s.Netns))
	case mapCgroups:
		return uint32(len(s.Cgroups))
	}
	return 0
}

func (s Scope) fill(o *Object) error {
	for _, n := range s.Netns {
		if err := o.put(mapNetns, n); err != nil {
			return err
		}
	}
	for _, id := range s.Cgroups {
		if err := o.put(mapCgroups, id); err != nil {
			return err
		}
	}
	return nil
}

func (o *Object) put(name string, key any) error {
	m := o.Map(name)
	if m == nil {
		return fmt.Errorf("fill map %s: no such map", name)
	}
	if err := m.Put(key, uint8(1)); err != nil {
		return fmt.Errorf("fill map %s: %w", name, err)
	}
	return nil
}

// HasNetns reports whether a network namespace is in scope.
func (s Scope) HasNetns(inode uint64) bool {
	return len(s.Netns) == 0 || inode <= math.MaxUint32 && slices.Contains(s.Netns, uint32(inode))
}
