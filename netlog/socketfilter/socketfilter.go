package socketfilter

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/net/bpf"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/capture"
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

// Filter is a blacklist for one kind of socket, of eBPF or classic. A nil
// Filter is a filter of nothing.
//
// A program of eBPF keeps of what the rules keep only what can be tracked:
// TCP, UDP and ICMP over IP, and what it does not decode. A classic one
// leaves that to the filter that capture puts before it.
type Filter struct {
	// Exact reports that all rules are decided in the kernel, for the packets
	// it decodes. Otherwise it drops less.
	Exact bool

	program  *ebpf.Program
	classic  []bpf.RawInstruction
	opposite []bpf.RawInstruction // keeps what classic drops
	counters *ebpf.Map
	rules    int
}

// New loads a program of eBPF, which needs CAP_BPF or CAP_SYS_ADMIN; where
// that is refused it makes a classic one. It fails when the rules do not fit
// there either; a capture then goes on without. Rules of which none can be
// decided in the kernel make a filter of nothing.
func New(rules *filter.Program, c Config) (*Filter, error) {
	d := rules.Headers(c.Known)
	if d.Start == filter.Keep {
		return &Filter{Exact: d.Exact, rules: rules.Len()}, nil
	}
	f, err := newExtended(rules, d, c)
	if err == nil {
		return f, nil
	}
	f, err2 := newClassic(rules, d, c)
	if err2 != nil {
		return nil, errors.Join(err, err2)
	}
	return f, nil
}

// Kind is "ebpf", "classic" or, for a filter of nothing, "none".
func (f *Filter) Kind() string {
	switch {
	case f == nil:
		return "none"
	case f.program != nil:
		return "ebpf"
	case f.classic != nil:
		return "classic"
	default:
		return "none"
	}
}

// Capture is the filter as a ring takes it. It is valid until Close.
func (f *Filter) Capture() capture.Filter {
	if f == nil {
		return capture.Filter{}
	}
	return capture.Filter{Program: f.program, Classic: f.classic, Counter: f.opposite}
}

func newExtended(rules *filter.Program, d filter.Decision, c Config) (*Filter, error) {
	if err := rlimit.RemoveMemlock(); err != nil { // until 5.11 maps count against it
		return nil, fmt.Errorf("lift the limit of locked memory: %w", err)
	}
	counters, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "filter_dropped", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: uint32(rules.Len()),
	})
	if err != nil {
		return nil, fmt.Errorf("create counters of socket filter: %w", err)
	}
	x := extended{
		decision: d, ethernet: c.Link == packet.LinkEthernet, snap: int32(c.Snap),
		counters: counters.FD(), metadata: skbMetadata(),
	}
	program, err := load(&x)
	if err != nil {
		return nil, errors.Join(err, counters.Close())
	}
	return &Filter{Exact: d.Exact, rules: rules.Len(), program: program, counters: counters}, nil
}

func load(x *extended) (*ebpf.Program, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "filter_rules", Type: ebpf.SocketFilter, License: "GPL", Instructions: x.program()})
	if err != nil {
		return nil, fmt.Errorf("load socket filter: %w", err)
	}
	return p, nil
}

func newClassic(rules *filter.Program, d filter.Decision, c Config) (*Filter, error) {
	f := &Filter{Exact: d.Exact, rules: rules.Len()}
	for _, p := range []struct {
		to         *[]bpf.RawInstruction
		keep, drop uint32
	}{{&f.classic, uint32(c.Snap), 0}, {&f.opposite, 0, 1}} {
		x := classic{decision: d, ethernet: c.Link == packet.LinkEthernet, keep: p.keep, drop: p.drop}
		program := x.program()
		if len(program) > classicLimit {
			return nil, fmt.Errorf("make classic filter: %d instructions, at most %d are possible", len(program), classicLimit)
		}
		var err error
		if *p.to, err = bpf.Assemble(program); err != nil {
			return nil, fmt.Errorf("assemble classic filter: %w", err)
		}
	}
	return f, nil
}

// Dropped returns how many packets each rule has dropped since New, the first
// rule that matches a packet counting; nil for classic filters, whose drops
// capture.Stats has as one number.
func (f *Filter) Dropped() ([]uint64, error) {
	if f == nil || f.counters == nil {
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
	if f == nil {
		return nil
	}
	var errs []error
	if f.program != nil {
		errs = append(errs, f.program.Close())
	}
	if f.counters != nil {
		errs = append(errs, f.counters.Close())
	}
	f.program, f.counters = nil, nil
	return errors.Join(errs...)
}
