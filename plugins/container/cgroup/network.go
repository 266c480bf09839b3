package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Network is what the interfaces of a container, lo left out, have carried.
type Network struct{ Received, Sent uint64 }

// Network reads the network namespace of process pid. own is false when the
// container has none of its own: the numbers would be those of the host.
func (r *Reader) Network(pid int) (n Network, own bool, err error) {
	host, err := os.Readlink(r.fs.Proc("1", "ns", "net"))
	if errors.Is(err, fs.ErrPermission) {
		// Some hosts hide their first process even from root; then we are
		// taken to run in the network of the host.
		host, err = os.Readlink(r.fs.Proc("self", "ns", "net"))
	}
	if err != nil {
		return n, false, fmt.Errorf("find the network of the host: %w", err)
	}
	ns, err := os.Readlink(r.fs.Proc(fmt.Sprint(pid), "ns", "net"))
	if err != nil {
		return n, false, fmt.Errorf("find the network of process %d: %w", pid, err)
	}
	if ns == host {
		return n, false, nil
	}
	text, err := readFile(r.fs.Proc(fmt.Sprint(pid), "net", "dev"))
	if err != nil {
		return n, false, fmt.Errorf("read the network of process %d: %w", pid, err)
	}
	return parseNetDev(text), true, nil
}

// parseNetDev sums /proc/<pid>/net/dev (proc_pid_net(5)): after the name of
// the interface come eight columns of receiving and eight of sending.
func parseNetDev(text string) (n Network) {
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if !ok || strings.TrimSpace(name) == "lo" || len(f) < 9 {
			continue
		}
		received, rerr := strconv.ParseUint(f[0], 10, 64)
		sent, serr := strconv.ParseUint(f[8], 10, 64)
		if rerr == nil && serr == nil {
			n.Received += received
			n.Sent += sent
		}
	}
	return n
}
