package tls

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
)

// Tracer holds the probes. Poll belongs to one goroutine, the rest may be
// called from any.
type Tracer struct {
	cfg    Config
	object *bpf.Object
	ladder bpf.Ladder
	probes *bpf.Uprobes
	ring   *bpf.Ring

	finder   *finder
	sessions *sessions
	segment  segment // the one at hand
	tables   []*table
	books    books
	polls    int

	stop    context.CancelFunc
	working sync.WaitGroup
	closing sync.Once
	err     error
}

// Open loads the programs and begins to look for files to put probes into.
// An error that wraps [bpf.ErrNotSupported] says that this kernel or machine
// does not allow it. Close the tracer.
func Open(cfg Config) (*Tracer, error) {
	t := &Tracer{cfg: cfg}
	if err := t.open(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.working.Go(func() { t.finder.run(ctx) })
	return t, nil
}

func (t *Tracer) open() error {
	specs, err := bpf.Specs(loadCalls, loadGoTLS, loadBinding)
	if err != nil {
		return err
	}
	t.object, err = bpf.Open(bpf.Options{
		Constants: map[string]any{"include_loopback": t.cfg.Loopback, "ipv6_disabled": t.cfg.NoIPv6},
		MaxEntries: map[string]uint32{
			"sessions": t.cfg.MaxSessions, "orders": t.cfg.MaxSessions, "threads": t.cfg.MaxSessions, "readings": t.cfg.MaxSessions,
			"segments": t.cfg.RingBytes,
		},
		Scope: t.cfg.Scope,
	}, specs...)
	if err != nil {
		return err
	}
	if t.ring, err = bpf.OpenRing(t.object.Map("segments")); err != nil {
		return err
	}
	err = t.ladder.Take("plaintext of tls", bpf.Rung{Number: 3, Attach: "uprobe", Since: "4.3", Open: t.tryProbe})
	if err != nil {
		return err
	}
	t.bind()
	t.object.Loaded()
	t.tables = newTables(t.object.Map)
	t.sessions = newSessions(t.cfg.Sink, t.cfg.Name, t.order)
	t.finder = newFinder(&t.cfg, t.probes.Attach)
	return nil
}

// tryProbe loads the programs and attaches one for real: to the first
// instruction of the collector, which none but a new one passes.
func (t *Tracer) tryProbe() (io.Closer, error) {
	var err error
	if t.probes, err = t.object.Uprobes(uprobes...); err != nil {
		return nil, err
	}
	const own = "/proc/self/exe"
	f, err := elf.Open(own)
	if err != nil {
		return nil, fmt.Errorf("read own program: %w", err)
	}
	defer f.Close()
	entry, err := fileOffset(f, f.Entry)
	if err != nil {
		return nil, fmt.Errorf("find own entry: %w", err)
	}
	link, err := t.probes.Attach(own, []bpf.Probe{{Program: "go_close", Offset: entry}})
	if err != nil {
		return nil, err
	}
	return bpf.Closers{}, link.Close()
}

// bind attaches what tells the connections of C libraries. Without the one,
// those that only write are not known, without the other those that only read.
func (t *Tracer) bind() {
	_ = t.ladder.Take("connection of tls, by reads", bpf.Rung{Number: 2, Attach: "tp_btf/tcp_rcv_space_adjust", Since: "5.5",
		Open: func() (io.Closer, error) { return t.object.TracepointOnce("tcp_rcv_space_adjust") }})
	_ = t.ladder.Take("connection of tls, by writes", bpf.Rung{Number: 3, Attach: "cgroup_skb/egress", Since: "5.8",
		Open: func() (io.Closer, error) {
			if t.cfg.CgroupMount == "" {
				return nil, errors.New("cgroup v2 is not mounted")
			}
			return t.object.Cgroup("egress", t.cfg.CgroupMount, ebpf.AttachCGroupInetEgress)
		}})
}

// order tells the kernel how much of a session is wanted.
func (t *Tracer) order(key callsSessionKey, o callsOrder) {
	// When it fails more comes than is needed.
	_ = t.object.Map("orders").Put(&key, &o)
}

// Executed says that a process executed a program, so that it is looked at
// now rather than when it is found in /proc. It never waits.
func (t *Tracer) Executed(pid uint32) { t.finder.hint(pid) }

// Poll passes the plaintext that is there to the sink. No record wakes
// anybody up: call it every few milliseconds.
func (t *Tracer) Poll() error {
	n, err := t.ring.Drain(func(record []byte) {
		if !t.segment.decode(record) {
			t.sessions.refused++
			return
		}
		t.sessions.take(&t.segment)
	})
	if err != nil {
		return err
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	t.sessions.sweep(now.Nano())
	t.take(now.Nano())
	if t.polls++; n > 0 || t.polls%quietPolls == 0 {
		t.balance()
	}
	return nil
}

// quietPolls is how many polls that find nothing pass until the books are
// taken again: the kernel counts on, of what is not wanted.
const quietPolls = 16

// Found tells where probes are, and why they are not elsewhere.
func (t *Tracer) Found() Found { return t.finder.state() }

// Status tells what the tracer stands on.
func (t *Tracer) Status() []bpf.Status {
	found := t.Found()
	files := bpf.Status{Feature: "tls libraries", Attach: t.probes.Kind() + ": " + found.String(), Rung: 3, OK: true, Reason: found.reasons()}
	return append(slices.Clone(t.ladder.Status()), files)
}

// Programs returns the statistics of the kernel programs.
func (t *Tracer) Programs() ([]bpf.ProgramStats, error) { return t.object.Stats() }

// Close takes all probes out and frees everything. It is idempotent.
func (t *Tracer) Close() error {
	t.closing.Do(func() {
		if t.stop != nil {
			t.stop()
			t.working.Wait()
		}
		t.err = t.ladder.Close()
		if t.ring != nil {
			t.err = errors.Join(t.err, t.ring.Close())
		}
		if t.object != nil {
			t.err = errors.Join(t.err, t.object.Close())
		}
	})
	return t.err
}
