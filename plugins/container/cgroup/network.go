package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"datakit.dev/agent/internal/procfs"
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
	data, err := os.ReadFile(r.fs.Proc(fmt.Sprint(pid), "net", "dev"))
	if err != nil {
		return n, false, fmt.Errorf("read the network of process %d: %w", pid, err)
	}
	devices, err := procfs.ParseNetDev(data, nil)
	for _, d := range devices {
		if d.Name != "lo" {
			n.Received += d.RxBytes
			n.Sent += d.TxBytes
		}
	}
	return n, err == nil, err
}
