package flow

import (
	"net/netip"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/point"
)

// Sizes of the tags of two ends, to allocate all points of a flush at once.
const (
	maxTags   = 14
	textBytes = 64 // mean length of addresses, ports, pid and netns
)

// writer builds the points of one flush. Tags, fields and text of all points
// lie in a few slabs: a handful of allocations instead of a dozen per flow.
type writer struct {
	name    string
	time    int64
	extra   []point.Tag
	rate    float64
	domains Domains
	points  []point.Point
	tags    []point.Tag
	fields  []point.Field
	text    strings.Builder
	netns   map[[2]uint64]string // there are few

	tagged, fielded int // what of tags and fields belongs to finished points
}

// newWriter makes a writer for n points with at most so many fields, between
// so many different ends.
func newWriter(in *intake, name string, time int64, n, fields, ends int) *writer {
	w := &writer{
		name: name, time: time, extra: in.tags, rate: in.cfg.Sampler.Rate(), domains: in.cfg.Domains,
		points: make([]point.Point, 0, n),
		tags:   make([]point.Tag, 0, n*(maxTags+len(in.tags))),
		fields: make([]point.Field, 0, n*fields),
		netns:  map[[2]uint64]string{},
	}
	w.text.Grow(ends * textBytes)
	return w
}

// ends appends the tags of two ends; those of twins have the same text.
func (w *writer) ends(e *ends, p *peer) {
	if p.points > 0 {
		w.tags = append(w.tags, w.tags[p.begin:p.end]...)
		return
	}
	p.begin = len(w.tags)
	w.tag("container_id", e.container)
	w.tag("direction", e.direction.String())
	if w.domains != nil {
		w.tag("dst_domain", w.domains.Lookup(e.remote.Addr()))
	}
	w.tag("dst_ip", w.addr(e.remote.Addr()))
	w.tag("dst_ip_type", ipType(e.remote.Addr()))
	w.tag("dst_port", w.port(e.remote.Port()))
	w.tag("family", family(e.remote.Addr()))
	w.tag("netns", w.namespace(e.dev, e.netns))
	if e.pid != 0 {
		w.tag("pid", w.number(uint64(e.pid)))
	}
	w.tag("process_name", e.process)
	w.tag("src_ip", w.addr(e.local.Addr()))
	w.tag("src_ip_type", ipType(e.local.Addr()))
	w.tag("src_port", w.port(e.local.Port()))
	w.tag("transport", protocol(e.transport))
	p.end = len(w.tags)
}

// finish makes a point of the tags and fields appended since the last one,
// so many nanoseconds after the time of the flush. Capacities are cut, so
// that a later append to one point cannot reach into the next.
func (w *writer) finish(later int64) {
	w.tags = append(w.tags, w.extra...)
	w.points = append(w.points, point.Point{
		Measurement: w.name,
		Tags:        w.tags[w.tagged:len(w.tags):len(w.tags)],
		Fields:      w.fields[w.fielded:len(w.fields):len(w.fields)],
		Time:        w.time + later,
	})
	w.tagged, w.fielded = len(w.tags), len(w.fields)
}

func (w *writer) tag(key, value string) {
	if value != "" {
		w.tags = append(w.tags, point.Tag{Key: key, Value: value})
	}
}

func (w *writer) field(key string, v point.Value) {
	w.fields = append(w.fields, point.Field{Key: key, Value: v})
}

func (w *writer) int(key string, v uint64) { w.field(key, point.Int(int64(v))) }

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
