// Package containers tells which container a cgroup belongs to, from the
// path of the cgroup alone: no runtime is asked.
package containers

import "strings"

// idLength is the length of a container id, a SHA-256 in hexadecimal.
const idLength = 64

// ID returns the id of the container that the cgroup at path belongs to, ""
// when it is none. With a container inside a container it is the inner one.
//
// The path elements of the runtimes, with <id> as 64 hexadecimal digits:
//
//	docker            docker-<id>.scope             /docker/<id>
//	containerd (CRI)  cri-containerd-<id>.scope     /kubepods/…/pod<uid>/<id>     …slice:cri-containerd:<id>
//	CRI-O             crio-<id>.scope               /kubepods/…/crio-<id>
//	Podman            libpod-<id>.scope/container   /libpod_parent/libpod-<id>    libpod-payload-<id>
//
// The left column is the systemd driver, the right the cgroupfs driver.
// Monitors of a container (crio-conmon-<id>, libpod-conmon-<id>) run outside
// of it.
func ID(path string) string {
	for path != "" {
		i := strings.LastIndexByte(path, '/')
		if id, monitor := elementID(path[i+1:]); id != "" || monitor {
			return id
		}
		path = path[:max(i, 0)]
	}
	return ""
}

// elementID reads one path element. monitor says that it is the cgroup of a
// container's monitor.
func elementID(element string) (id string, monitor bool) {
	element = strings.TrimSuffix(element, ".scope")
	at := len(element) - idLength
	if at < 0 || !isHex(element[at:]) {
		return "", false
	}
	id, prefix := element[at:], element[:at]
	switch {
	case strings.HasSuffix(prefix, "conmon-"):
		return "", true
	case prefix == "", strings.HasSuffix(prefix, "-"), strings.HasSuffix(prefix, ":"):
		return id, false
	default:
		return "", false
	}
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// FromProc returns the container id of a process from the content of its
// /proc/<pid>/cgroup, see cgroups(7): lines of "hierarchy:controllers:path".
// With cgroup v1 any hierarchy may be the one the runtime uses; the last with
// an id counts, which is the unified one (0) where there is one.
func FromProc(content string) string {
	id := ""
	for line := range strings.Lines(content) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if found := ID(parts[2]); found != "" {
			id = found
		}
	}
	return id
}
