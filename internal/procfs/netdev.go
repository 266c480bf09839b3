package procfs

import (
	"bytes"
	"fmt"

	"datakit.dev/agent/internal/hostfs"
)

// NetDev is one interface of /proc/net/dev. Counts are since it appeared.
type NetDev struct {
	Name                                    string
	RxBytes, RxPackets, RxErrors, RxDropped uint64
	TxBytes, TxPackets, TxErrors, TxDropped uint64
}

// ParseNetDev reads the content of /proc/net/dev and appends to all, from
// which it takes the memory of the names.
func ParseNetDev(data []byte, all []NetDev) ([]NetDev, error) {
	old := all[:cap(all)]
	for len(data) > 0 {
		var line []byte
		line, data = Line(data)
		// The kernel cuts names at 15 bytes and allows a colon in an alias
		// only, so the last colon ends the name. Old kernels put no space
		// behind it.
		colon := bytes.LastIndexByte(line, ':')
		if colon < 0 {
			continue // the two lines of the header
		}
		name := bytes.TrimSpace(line[:colon])
		var c [16]uint64
		if n := uints(line[colon+1:], c[:]); n != len(c) {
			return all, fmt.Errorf("read net/dev: %d counters of %s, want 16", n, name)
		}
		d := NetDev{
			RxBytes: c[0], RxPackets: c[1], RxErrors: c[2], RxDropped: c[3],
			TxBytes: c[8], TxPackets: c[9], TxErrors: c[10], TxDropped: c[11],
		}
		if i := len(all); i < len(old) && old[i].Name == string(name) {
			d.Name = old[i].Name
		} else {
			d.Name = string(name)
		}
		all = append(all, d)
	}
	return all, nil
}

// NetFile names a file of /proc/net. On the machine itself that is the
// network namespace of this process. Where the host's /proc is mounted
// elsewhere, its "self" would be this container: there it is the namespace of
// the host's first process.
func NetFile(fs hostfs.Root, name string) string {
	if fs.ProcDir == "" || fs.ProcDir == "/proc" {
		return fs.Proc("net", name)
	}
	return fs.Proc("1", "net", name)
}
