package ebpfnet

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cilium/ebpf"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/hostfs"
)

// tracerConfig says what is observed.
type tracerConfig struct {
	scope          bpf.Scope
	loopback       bool
	noIPv6         bool
	cgroups        bool   // records carry the cgroup of the socket
	maxConnections uint32 // 0: as compiled
	ringBytes      uint32 // a power of two; 0: as compiled
	cgroupMount    string // where cgroup v2 is mounted; "" without
	fs             hostfs.Root
}

// tracer is the kernel side: the programs, their maps, and how they are read.
// It belongs to one goroutine, except for counts and programs.
type tracer struct {
	cfg    tracerConfig
	object *bpf.Object
	ladder bpf.Ladder

	ring      *bpf.Ring
	scanOpen  *bpf.Iterator // nil where iterators are not available …
	scanFiles *bpf.Iterator
	scanTCP   *bpf.Iterator
}

// openTracer loads and attaches all that works and fails only when
// connections cannot be followed at all.
func openTracer(cfg tracerConfig) (*tracer, error) {
	t := &tracer{cfg: cfg}
	if err := t.open(); err != nil {
		return t, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *tracer) open() error {
	specs, err := bpf.Specs(loadTcpState, loadTcpOwner, loadTcpScan)
	if err != nil {
		return err
	}
	t.object, err = bpf.Open(bpf.Options{
		Constants: map[string]any{
			"include_loopback": t.cfg.loopback,
			"ipv6_disabled":    t.cfg.noIPv6,
			"want_cgroup":      t.cfg.cgroups,
			"collector":        uint32(os.Getpid()),
		},
		MaxEntries: map[string]uint32{"conns": t.cfg.maxConnections, "closed": t.cfg.ringBytes},
		Scope:      t.cfg.scope,
	}, specs...)
	if err != nil {
		return err
	}
	if t.ring, err = bpf.OpenRing(t.object.Map("closed")); err != nil {
		return err
	}
	if err := errors.Join(t.follow()...); err != nil {
		return err
	}
	t.own()
	t.iterate()
	t.object.Loaded()
	return nil
}

// follow attaches what everything stands on.
func (t *tracer) follow() []error {
	return []error{
		t.ladder.Take("tcp state", t.tracepoint("inet_sock_set_state", "5.5")),
		t.ladder.Take("tcp end", t.tracepoint("tcp_destroy_sock", "5.5")),
	}
}

func (t *tracer) tracepoint(name, since string) bpf.Rung {
	return bpf.Rung{Number: 2, Attach: "tp_btf/" + name, Since: since,
		Open: func() (io.Closer, error) { return t.object.Tracepoint(name) }}
}

// own attaches what tells who accepts. Without it the closing process does,
// and a search through open files.
func (t *tracer) own() {
	trampoline := func(program, since string) bpf.Rung {
		return bpf.Rung{Number: 4, Attach: "fexit/inet_csk_accept", Since: since,
			Open: func() (io.Closer, error) { return t.object.Trampoline(program) }}
	}
	_ = t.ladder.Take("accepting process",
		trampoline("inet_csk_accept", "5.17"),
		trampoline("inet_csk_accept_4", "5.5"),
		bpf.Rung{Number: 3, Attach: "cgroup/getpeername4, 6", Since: "5.8", Open: t.peerNames})
}

// peerNames sees only those who accept with an address, as most do.
func (t *tracer) peerNames() (io.Closer, error) {
	if t.cfg.cgroupMount == "" {
		return nil, errors.New("cgroup v2 is not mounted")
	}
	v4, err := t.object.Cgroup("getpeername4", t.cfg.cgroupMount, ebpf.AttachCgroupInet4GetPeername)
	if err != nil {
		return nil, err
	}
	v6, err := t.object.Cgroup("getpeername6", t.cfg.cgroupMount, ebpf.AttachCgroupInet6GetPeername)
	if err != nil {
		return nil, errors.Join(err, v4.Close())
	}
	return bpf.Closers{v4, v6}, nil
}

// iterate opens the iterators.
func (t *tracer) iterate() {
	take := func(feature, attach, program, since string, m *ebpf.Map, it **bpf.Iterator) {
		_ = t.ladder.Take(feature, bpf.Rung{Number: 1, Attach: attach, Since: since,
			Open: func() (c io.Closer, err error) {
				*it, err = t.object.Iterator(program, m)
				return *it, err
			}})
	}
	take("open connections", "iter/bpf_map_elem", "scan", "5.9", t.object.Map("conns"), &t.scanOpen)
	take("connections open at start, owners", "iter/task_file", "task_file", "5.8", nil, &t.scanFiles)
	take("connections open at start, listeners", "iter/tcp", "tcp", "5.9", nil, &t.scanTCP)
}

// find enters the connections that were open before the programs were
// attached: those that have a descriptor together with their owner, then the
// rest, namespace by namespace. It does what it can; the error tells what it
// could not.
func (t *tracer) find() error {
	var errs []error
	errs = append(errs, t.findOwners())
	if t.scanTCP == nil {
		return errors.Join(errs...)
	}
	namespaces, err := bpf.Namespaces(t.cfg.fs)
	errs = append(errs, err)
	for _, n := range namespaces {
		if !t.cfg.scope.HasNetns(n.Inode) {
			continue
		}
		if err := n.In(t.scanTCP.Run); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err) // its last process may just have ended: then it is gone
		}
	}
	return errors.Join(errs...)
}

// findOwners goes through all open files of the machine.
func (t *tracer) findOwners() error {
	if t.scanFiles == nil {
		return nil
	}
	return t.scanFiles.Run()
}

// ended passes the records of connections that ended.
func (t *tracer) ended(take func(*record)) error {
	_, err := t.ring.Drain(decoded(take))
	return err
}

// opened passes the records of connections that are open, and of those that
// ended while the ring was full.
func (t *tracer) opened(take func(*record)) error {
	if t.scanOpen == nil {
		return nil
	}
	return t.scanOpen.Each(recordSize, decoded(take))
}

func decoded(take func(*record)) func([]byte) {
	var r record
	return func(b []byte) {
		if r.decode(b) {
			take(&r)
		}
	}
}

// exists reports whether the kernel still has the connection in its table.
func (t *tracer) exists(id connID) bool {
	var r record
	return t.object.Map("conns").Lookup(id.sk, &r.tcpStateConn) == nil && r.Start == id.start
}

// counts are the counters of conn.h, summed over the CPUs.
type counts [tcpStateCounterCOUNTERS]int64

func (t *tracer) counts() (c counts, err error) {
	var perCPU []tcpStateCounts
	if err := t.object.Map("counters").Lookup(uint32(0), &perCPU); err != nil {
		return c, fmt.Errorf("read counters: %w", err)
	}
	for _, cpu := range perCPU {
		for i, n := range cpu.Of {
			c[i] += int64(n)
		}
	}
	return c, nil
}

// waiting returns how many records the ring holds.
func (t *tracer) waiting() int64 { return int64(t.ring.Available() / (bpf.Header + recordSize)) }

// Close detaches and frees everything. It is idempotent.
func (t *tracer) Close() error {
	err := t.ladder.Close()
	if t.ring != nil {
		err = errors.Join(err, t.ring.Close())
	}
	if t.object != nil {
		err = errors.Join(err, t.object.Close())
	}
	return err
}
