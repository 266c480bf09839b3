package netlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
	"datakit.dev/agent/plugins"
)

// PassConfig says how one source of packets is turned into points.
type PassConfig struct {
	Program  *plugins.EBPF // netlog_* and the keys of flows
	Table    *Table
	Interval time.Duration // of flows, in the time of the packets
	// On describes the interface. Name, where empty, is what the file says.
	On Interface
	// Keep, when set, gets every packet that no rule drops.
	Keep *pcap.Writer
}

// pass runs all packets of one source through taps, in one goroutine. Its
// only clock is the time of the packets.
type pass struct {
	cfg        PassConfig
	source     capture.Source
	interfaces func() []pcap.Interface // of the source, as far as known
	taps       *tapConfig
	out        point.Sink
	sent       *outlet // its counters only

	byInterface []*tap
	kept        []int // index of each interface in Keep
	batch       []point.Point
	now         int64 // latest time of a packet
	next        int64 // when flows are due
	err         error // of what takes points or packets
}

func newPass(cfg PassConfig, source capture.Source, interfaces func() []pcap.Interface, out point.Sink) (*pass, error) {
	r := &pass{cfg: cfg, source: source, interfaces: interfaces, out: out, sent: newOutlet()}
	taps, err := newTapConfig(cfg.Program, cfg.Table, r.clock)
	if err != nil {
		return nil, err
	}
	r.taps = taps
	return r, nil
}

func (r *pass) clock() time.Time { return time.Unix(0, r.now) }

// run takes packets until the source ends. live, when set, is asked after each
// batch of n packets whether to end, and up to which time all packets came.
func (r *pass) run(ctx context.Context, live func(n int) (now int64, end bool)) ([]ledger.Account, error) {
	var failed error // of the source, as of a file that is cut: what came before counts
	for end := false; r.err == nil && !end; {
		n, err := r.source.Next(func(p *packet.Packet) { r.packet(ctx, p) })
		switch {
		case errors.Is(err, io.EOF):
			end = true
		case err != nil && !errors.Is(err, capture.ErrDown):
			failed, end = err, true
		case live == nil:
			r.err = errors.Join(r.err, ctx.Err())
		default:
			var now int64
			if now, end = live(n); n == 0 {
				r.tick(ctx, now)
			}
		}
		r.flush(ctx)
	}
	for _, t := range r.byInterface {
		t.close()
	}
	r.flush(ctx)
	if m := r.taps.metrics; m != nil {
		r.feed(ctx, point.Network, m.flush(r.clock()))
	}
	if r.cfg.Keep != nil && r.err == nil {
		r.err = r.cfg.Keep.Flush()
	}
	return r.accounts(), errors.Join(failed, r.err)
}

// packet takes the next packet.
func (r *pass) packet(ctx context.Context, p *packet.Packet) {
	if r.err != nil {
		return
	}
	r.now = max(r.now, p.Time)
	r.interval(ctx, p.Time)
	for p.Interface >= len(r.byInterface) {
		r.add()
	}
	t := r.byInterface[p.Interface]
	before := t.counts.Filtered
	t.packet(p)
	if r.cfg.Keep != nil && t.counts.Filtered == before {
		r.keep(p)
	}
}

// tick does what is due without a packet.
func (r *pass) tick(ctx context.Context, now int64) {
	if now <= r.now {
		return
	}
	r.now = now
	r.interval(ctx, now)
	for _, t := range r.byInterface {
		t.tick(now)
	}
}

// interval reports flows when an interval has ended.
func (r *pass) interval(ctx context.Context, at int64) {
	if r.taps.metrics == nil || at < r.next {
		return
	}
	length := int64(max(r.cfg.Interval, time.Second))
	if r.next != 0 {
		for _, t := range r.byInterface {
			t.reportAll()
		}
		r.feed(ctx, point.Network, r.taps.metrics.flush(time.Unix(0, r.next)))
	}
	r.next = at/length*length + length
}

// add makes the tap of the source's next interface.
func (r *pass) add() {
	i := len(r.byInterface)
	on := r.cfg.On
	described := pcap.Interface{Link: packet.LinkEthernet}
	if all := r.interfaces(); i < len(all) {
		described = all[i]
	}
	if on.Name == "" {
		on.Name = described.Name
	}
	r.byInterface = append(r.byInterface, newTap(on, r.taps, func(p point.Point) { r.batch = append(r.batch, p) }))
	if r.cfg.Keep == nil {
		return
	}
	described.Name = on.Name
	n, err := r.cfg.Keep.AddInterface(described)
	if err != nil {
		r.err = err
	}
	r.kept = append(r.kept, n)
}

func (r *pass) keep(p *packet.Packet) {
	data, added := tagged(p)
	err := r.cfg.Keep.Write(&pcap.Record{
		Time: p.Time, Interface: r.kept[p.Interface], Dir: p.Dir, Link: p.Link, Wire: p.Wire + added, Data: data,
	})
	if err != nil {
		r.err = err
	}
}

// flush feeds the logs that were made.
func (r *pass) flush(ctx context.Context) {
	n := int64(len(r.batch))
	r.feed(ctx, point.Logging, r.batch)
	r.batch = nil
	r.sent.taken.Add(n)
	if r.err == nil {
		r.sent.fed.Add(n)
	} else {
		r.sent.failed.Add(n)
	}
}

func (r *pass) feed(ctx context.Context, c point.Category, points []point.Point) {
	if len(points) == 0 || r.err != nil {
		return
	}
	if err := r.out.Feed(ctx, c, points); err != nil {
		r.err = fmt.Errorf("feed points: %w", err)
	}
}

func (r *pass) accounts() []ledger.Account {
	sum := totals{source: r.source.Stats()}
	for _, t := range r.byInterface {
		s := t.totals()
		sum.add(&s)
	}
	return sum.accounts(r.sent, r.taps.metrics)
}
