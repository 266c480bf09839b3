package payload

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// Flow is what one UDP socket sent to and received from one address since the
// flows were last read.
type Flow struct {
	Cookie        uint64 // of the socket
	Netns         uint32 // inode number
	Cgroup        uint64 // id, where it is wanted
	Local, Remote netip.AddrPort

	PID  uint32 // of the process that used the socket last, 0 when unknown
	Comm string

	// Outgoing: the first datagram of the socket was sent, or the socket was
	// connected, before any was received.
	Outgoing bool

	Written, Read  uint64 // bytes of payload
	Sent, Received uint64 // datagrams; the segments of GSO are counted one by one
}

// flowMaps are two maps, of which the programs fill one while the other is
// read.
type flowMaps struct {
	outer *ebpf.Map
	inner [2]*ebpf.Map
	at    int // which one is filled

	keys   []skbFlowKey
	values []skbFlow
}

// flowBatch is how many flows are read in one system call. The kernel reads
// whole buckets, so it has to be larger than any of these gets.
const flowBatch = 4096

func openFlowMaps(outer *ebpf.Map, spec *ebpf.MapSpec) (*flowMaps, error) {
	f := &flowMaps{outer: outer, keys: make([]skbFlowKey, flowBatch), values: make([]skbFlow, flowBatch)}
	for i := range f.inner {
		m, err := ebpf.NewMap(spec)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create map of flows: %w", err), f.Close())
		}
		f.inner[i] = m
	}
	return f, f.use(0)
}

// use lets the programs fill the map i. When it returns none uses the other.
func (f *flowMaps) use(i int) error {
	if err := f.outer.Put(uint32(0), f.inner[i]); err != nil {
		return fmt.Errorf("exchange map of flows: %w", err)
	}
	f.at = i
	return nil
}

// Flows passes the UDP flows since the last call, which must not be kept.
func (t *Tap) Flows(take func(*Flow)) error {
	full := t.flows.inner[t.flows.at]
	if err := t.flows.use(1 - t.flows.at); err != nil {
		return err
	}
	var cursor ebpf.MapBatchCursor
	for {
		n, err := full.BatchLookupAndDelete(&cursor, t.flows.keys, t.flows.values, nil)
		for i := range n {
			f := flowOf(&t.flows.keys[i], &t.flows.values[i])
			take(&f)
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read map of flows: %w", err)
		}
	}
}

func flowOf(k *skbFlowKey, v *skbFlow) Flow {
	return Flow{
		Cookie: k.Cookie, Netns: v.Netns, Cgroup: v.Cgroup,
		Local: addrPort(k.Local, k.LocalPort), Remote: addrPort(k.Remote, k.RemotePort),
		PID: v.Pid, Comm: string(text(&v.Comm)), Outgoing: skbSide(v.First) == skbSideSIDE_EGRESS,
		Written: v.Written, Read: v.Read, Sent: v.Sent, Received: v.Received,
	}
}

// Close frees the maps.
func (f *flowMaps) Close() error {
	var errs []error
	for _, m := range f.inner {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}
