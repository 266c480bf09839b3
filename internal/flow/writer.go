package flow

import (
	"net/netip"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/point"
)

// Sizes of one point, to allocate all points of a flush at once.
const (
	maxTags   = 13
	maxFields = 8
	textBytes = 64 // mean length of addresses, ports, pid and netns of a flow
)

// writer builds the points of one flush. Tags, fields and text of all points
// lie in a few slabs: a handful of allocations instead of a dozen per flow.
type writer struct {
	time   int64
	extra  []point.Tag
	rate   float64
	points []point.Point
	tags   []point.Tag
	fields []point.Field
	text   strings.Builder
	netns  map[[2]uint64]string // there are few
}

func newWriter(a *Aggregator, time int64, n int) *writer {
	w := &writer{
		time:   time,
		extra:  a.tags,
		rate:   a.cfg.Sampler.Rate(),
		points: make([]point.Point, 0, n),
		tags:   make([]point.Tag, 0, n*(maxTags+len(a.tags))),
		fields: make([]point.Field, 0, n*maxFields),
		netns:  map[[2]uint64]string{},
	}
	w.text.Grow(n * textBytes)
	return w
}

// flow appends the point of one flow.
func (w *writer) flow(k *key, t *totals) {
	tags, fields := len(w.tags), len(w.fields)
	w.tag("container_id", k.container)
	w.tag("direction", k.direction.String())
	w.tag("dst_ip", w.addr(k.remote))
	w.tag("dst_ip_type", ipType(k.remote))
	w.tag("dst_port", w.port(k.remotePort))
	w.tag("family", family(k.remote))
	w.tag("netns", w.namespace(k.dev, k.netns))
	if k.pid != 0 {
		w.tag("pid", w.number(uint64(k.pid)))
	}
	w.tag("process_name", k.process)
	w.tag("src_ip", w.addr(k.local))
	w.tag("src_ip_type", ipType(k.local))
	w.tag("src_port", w.port(k.localPort))
	w.tag("transport", protocol(k.transport))
	w.totals(t, k.transport == TCP)
	if w.rate < 1 {
		w.fields = append(w.fields, point.Field{Key: "sampling_rate", Value: point.Float(w.rate)})
	}
	w.finish(tags, fields)
}

// overflow appends the point that sums the flows beyond the bound. It is
// never thinned.
func (w *writer) overflow(t *totals) {
	tags, fields := len(w.tags), len(w.fields)
	w.tag("overflow", "true")
	w.totals(t, true)
	w.finish(tags, fields)
}

func (w *writer) totals(t *totals, tcp bool) {
	w.field("bytes_read", int64(t.read))
	w.field("bytes_written", int64(t.written))
	if !tcp {
		return
	}
	measured := max(t.measured, 1)
	w.field("retransmits", int64(t.retransmits))
	w.field("rtt", int64(t.rtt/measured))
	w.field("rtt_var", int64(t.rttVar/measured))
	w.field("tcp_closed", t.closed)
	w.field("tcp_established", t.established)
}

// finish makes a point of the tags and fields appended since the given
// lengths. Capacities are cut, so that a later append to one point cannot
// reach into the next.
func (w *writer) finish(tags, fields int) {
	w.tags = append(w.tags, w.extra...)
	w.points = append(w.points, point.Point{
		Measurement: Name,
		Tags:        w.tags[tags:len(w.tags):len(w.tags)],
		Fields:      w.fields[fields:len(w.fields):len(w.fields)],
		Time:        w.time,
	})
}

func (w *writer) tag(key, value string) {
	if value != "" {
		w.tags = append(w.tags, point.Tag{Key: key, Value: value})
	}
}

func (w *writer) field(key string, v int64) {
	w.fields = append(w.fields, point.Field{Key: key, Value: point.Int(v)})
}

func (w *writer) addr(a netip.Addr) string {
	var buf [48]byte
	return w.keep(a.AppendTo(buf[:0]))
}

func (w *writer) port(p uint16) string {
	if p == anyPort {
		return "*"
	}
	return w.number(uint64(p))
}

func (w *writer) number(n uint64) string {
	var buf [20]byte
	return w.keep(strconv.AppendUint(buf[:0], n, 10))
}

func (w *writer) namespace(dev, inode uint64) string {
	if inode == 0 {
		return ""
	}
	at := [2]uint64{dev, inode}
	s, ok := w.netns[at]
	if !ok {
		s = "NS(" + strconv.FormatUint(dev, 10) + ":" + strconv.FormatUint(inode, 10) + ")"
		w.netns[at] = s
	}
	return s
}

// keep returns b as a string in the text slab. What a Builder holds never
// changes, so the string stays good when the slab grows.
func (w *writer) keep(b []byte) string {
	start := w.text.Len()
	w.text.Write(b)
	return w.text.String()[start:]
}
