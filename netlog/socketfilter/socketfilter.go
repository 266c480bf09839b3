package socketfilter

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/net/bpf"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/packet"
)

// Config is what a filter is made for.
type Config struct {
	Link packet.LinkType // LinkEthernet, or LinkRaw for frames that begin with the IP header
	Snap int             // bytes to keep of a packet
	// Known are values of keys that are the same for all packets of the
	// socket: "nic", "netns". Rules that ask for them are decided here.
	Known map[string]string
}

// Filter is a blacklist for one kind of socket. Either Program or Classic is
// set.
//
// Program keeps of what the rules keep only what can be tracked: TCP, UDP
// and ICMP over IP, and what it does not decode. Classic leaves that to a
// filter before it.
type Filter struct {
	Program *ebpf.Program
	Classic []bpf.RawInstruction
	// Exact reports that all rules are decided in the kernel, for the packets
	// it decodes. Otherwise it drops less.
	Exact bool

	counters *ebpf.Map
	rules    int
}

// New loads a program of eBPF, which needs CAP_BPF or CAP_SYS_ADMIN. Its
// caller may go on with [NewClassic] when that is refused.
func New(rules *filter.Program, c Config) (*Filter, error) {
	d := rules.Headers(c.Known)
	f := &Filter{Exact: d.Exact, rules: rules.Len()}
	var err error
	f.counters, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "filter_dropped", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: uint32(max(rules.Len(), 1)),
	})
	if err != nil {
		return nil, fmt.Errorf("create counters of socket filter: %w", err)
	}
	x := extended{
		decision: d, ethernet: c.Link == packet.LinkEthernet, snap: int32(c.Snap),
		counters: f.counters.FD(), metadata: skbMetadata(),
	}
	if f.Program, err = load(&x); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func load(x *extended) (*ebpf.Program, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "filter_rules", Type: ebpf.SocketFilter, License: "GPL", Instructions: x.program()})
	if err != nil {
		return nil, fmt.Errorf("load socket filter: %w", err)
	}
	return p, nil
}

// Dropped returns how many packets each rule has dropped since New, the first
// rule that matches a packet counting; nil when the kernel does not count,
// for classic filters.
func (f *Filter) Dropped() ([]uint64, error) {
	if f.counters == nil {
		return nil, nil
	}
	dropped := make([]uint64, f.rules)
	for i := range dropped {
		var perCPU []uint64
		if err := f.counters.Lookup(uint32(i), &perCPU); err != nil {
			return nil, fmt.Errorf("read counters of socket filter: %w", err)
		}
		for _, n := range perCPU {
			dropped[i] += n
		}
	}
	return dropped, nil
}

// Close gives up the program and its counters; sockets that run it go on with
// it. It may be called again.
func (f *Filter) Close() error {
	var errs []error
	if f.Program != nil {
		errs = append(errs, f.Program.Close())
	}
	if f.counters != nil {
		errs = append(errs, f.counters.Close())
	}
	f.Program, f.counters = nil, nil
	return errors.Join(errs...)
}
