package log

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// desk runs packets through a table and a log.
type desk struct {
	t     *testing.T
	table *track.Table
	log   *Log
	pages *Pages
	now   int64
	seq   uint32
	pts   []point.Point
	deny  bool
}

func newDesk(t *testing.T, memory int64) *desk {
	d := &desk{t: t, pages: NewPages(memory), now: 1000 * second, seq: 1}
	d.log = New(Config{
		Origin: Origin{NIC: "eth0", MAC: "02:00:00:00:00:01"}, Pages: d.pages,
		Allow: func(int64) bool { return !d.deny },
		Emit:  func(p point.Point) { d.pts = append(d.pts, p) },
	})
	d.table = track.New(track.Config{Ended: func(c *track.Conn, _ track.Reason) { d.log.Ended(c) }})
	return d
}

// send sends a segment of the local end, after a while.
func (d *desk) send(after time.Duration, flags packet.Flags, payload int) *track.Conn {
	return d.packet(after, packet.ProtoTCP, 40000, flags, payload)
}

func (d *desk) packet(after time.Duration, proto uint8, port uint16, flags packet.Flags, payload int) *track.Conn {
	d.now += int64(after)
	p := packet.Packet{
		Time: d.now, Dir: packet.Tx, Proto: proto, PayloadLen: payload,
		Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"), SrcPort: port, DstPort: 80,
		SrcMAC: [6]byte{2, 0, 0, 0, 0, 1}, DstMAC: [6]byte{2, 0, 0, 0, 0, 2},
		TCP: packet.TCP{Seq: d.seq, Flags: flags, Window: 10},
	}
	if proto == packet.ProtoICMP {
		p.SrcPort, p.DstPort, p.ICMP = 0, 0, packet.ICMP{Type: 8, Code: 0, ID: 7, Seq: uint16(d.seq)}
	}
	d.seq += uint32(payload)
	ev, ok := d.table.Packet(&p)
	if !ok {
		d.t.Fatal("not tracked")
	}
	d.log.Packet(&p, &ev)
	return ev.Conn
}

func value(p point.Point, key string) point.Value {
	for _, f := range p.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return point.Value{}
}

// chunks are number, packets and begin (seconds) of the points made.
func (d *desk) chunks() (all []string) {
	for _, p := range d.pts {
		all = append(all, fmt.Sprintf("%d:%d@%d", value(p, "chunk_id").AsInt(), value(p, "tx_packets").AsInt(), p.Time/second-1000))
	}
	return all
}

// TestChunks: where a chunk ends.
func TestChunks(t *testing.T) {
	const ack = packet.ACK
	for name, tc := range map[string]struct {
		do   func(d *desk)
		want []string
	}{
		"one": {func(d *desk) { d.send(0, ack, 1) }, []string{"1:1@0"}},
		"by packets": {func(d *desk) {
			for range 600 {
				d.send(0, ack, 1)
			}
		}, []string{"1:256@0", "2:256@0", "3:88@0"}},
		"room for the end": {func(d *desk) {
			for range 250 {
				d.send(0, ack, 1)
			}
			d.send(0, packet.FIN|ack, 0)
			for range 100 {
				d.send(0, ack, 0)
			}
		}, []string{"1:320@0", "2:31@0"}},
		"by age": {func(d *desk) {
			for range 7 {
				d.send(10*time.Second, ack, 1)
			}
		}, []string{"1:3@10", "2:3@40", "3:1@70"}},
		"by silence": {func(d *desk) {
			d.send(0, ack, 1)
			d.send(31*time.Second, ack, 1)
		}, []string{"1:1@0", "2:1@31"}},
		"the clock ends it too": {func(d *desk) {
			d.send(0, ack, 1)
			d.log.Flush(d.now + 30*second - 1)
			if len(d.pts) != 0 {
				d.t.Error("too early")
			}
			d.log.Flush(d.now + 30*second)
			if len(d.pts) != 1 {
				d.t.Error("not at its time")
			}
			d.log.Flush(d.now + 31*second)
			d.send(32*time.Second, ack, 1)
		}, []string{"1:1@0", "2:1@32"}},
		"per connection": {func(d *desk) {
			d.packet(0, packet.ProtoTCP, 1, ack, 1)
			d.packet(0, packet.ProtoTCP, 2, ack, 1)
			d.packet(0, packet.ProtoTCP, 1, ack, 1)
		}, []string{"1:2@0", "1:1@0"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, 1<<20)
			tc.do(d)
			d.table.Close()
			got := d.chunks()
			if name == "per connection" {
				slices.SortFunc(got, func(a, b string) int { return strings.Compare(b, a) })
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("chunks %v, want %v", got, tc.want)
			}
			if d.pages.Used() != 0 {
				t.Errorf("%d bytes of rows are left", d.pages.Used())
			}
		})
	}
}

// message decodes the JSON of a point.
func message(t *testing.T, p point.Point, proto string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(value(p, "message").AsString()), &m); err != nil {
		t.Fatalf("%v in %s", err, value(p, "message").AsString())
	}
	if m["l4_proto"] != proto {
		t.Errorf("l4_proto is %v", m["l4_proto"])
	}
	return m[proto].(map[string]any)
}

// Without memory for rows the counters go on, and the message says so.
func TestRowsAreBounded(t *testing.T) {
	d := newDesk(t, 2*pageBytes)
	for range 100 {
		d.send(0, packet.ACK, 10)
	}
	d.table.Close()
	m := message(t, d.pts[0], "tcp")
	if rows := len(m["tcp_series"].([]any)); rows != 2*rowsPerPage || m["rows_missing"] != float64(100-rows) || m["tx_packets"] != 100.0 || m["tx_bytes"] != 1000.0 {
		t.Errorf("%d rows, %v", rows, m)
	}
	if s := d.log.Stats(); s.RowsMissing != 100-2*rowsPerPage || s.L4Written != 1 {
		t.Errorf("%+v", s)
	}
}

func TestOtherProtocols(t *testing.T) {
	d := newDesk(t, 1<<20)
	d.packet(0, packet.ProtoUDP, 5000, 0, 33)
	d.packet(time.Millisecond, packet.ProtoICMP, 0, 0, 8)
	d.table.Close()
	udp, icmp := message(t, d.pts[0], "udp"), message(t, d.pts[1], "icmp")
	if got := fmt.Sprint(udp["udp_series_col_name"], udp["udp_series"]); got != "[txrx src_mac dst_mac payload_size ts] [[tx 1 2 33 0]]" {
		t.Error(got)
	}
	if got := fmt.Sprint(icmp["icmp_series_col_name"], icmp["icmp_series"], icmp["id"]); got != "[txrx src_mac dst_mac type code seq payload_size ts] [[tx 1 2 8 0 34 8 0]] 7" {
		t.Error(got)
	}
	for _, p := range d.pts {
		for _, f := range p.Fields {
			if strings.HasPrefix(f.Key, "tcp") || strings.Contains(f.Key, "seq") || strings.Contains(f.Key, "retrans") {
				t.Errorf("field %s of no TCP", f.Key)
			}
		}
	}
}

// Sequence numbers around the wrap: the least is the first in the stream.
func TestSequenceWrap(t *testing.T) {
	d := newDesk(t, 1<<20)
	d.seq = 1<<32 - 5
	for range 3 {
		d.send(0, packet.ACK, 10)
	}
	d.table.Close()
	p := d.pts[0]
	if value(p, "tx_seq_min").AsInt() != 1<<32-5 || value(p, "tx_seq_max").AsInt() != 15 || value(p, "rx_seq_min").AsInt() != 0 {
		t.Errorf("%+v", p.Fields)
	}
	rows := message(t, p, "tcp")["tcp_series"].([]any)
	for i, want := range []float64{1, 11, 21} {
		if got := rows[i].([]any)[4]; got != want {
			t.Errorf("row %d has sequence number %v, want %v", i, got, want)
		}
	}
}

func TestManyMACs(t *testing.T) {
	c := &chunk{}
	for i := range byte(6) {
		want := uint8(i + 1)
		if i >= 4 {
			want = 0
		}
		for range 2 {
			if got := c.mac([6]byte{2, i}); got != want {
				t.Errorf("address %d has number %d, want %d", i, got, want)
			}
		}
	}
}

func TestRateCap(t *testing.T) {
	d := newDesk(t, 1<<20)
	d.deny = true
	c := d.send(0, packet.ACK, 1)
	d.log.Exchange(c, &http.Exchange{}, d.now)
	d.table.Close()
	if s := d.log.Stats(); len(d.pts) != 0 || s.L4Limited != 1 || s.L7Limited != 1 || s.L4Written+s.L7Written != 0 {
		t.Errorf("%d points, %+v", len(d.pts), s)
	}
}

func TestExchange(t *testing.T) {
	d := newDesk(t, 1<<20)
	c := d.send(0, packet.ACK, 1)
	x := &http.Exchange{
		Client: http.Remote, Version: "2", Method: "POST", Path: `/a"b`, Host: "h", Status: 200, GRPC: true, GRPCStatus: 5, Truncated: true,
		RequestStart: 10e6, RequestEnd: 12e6, ResponseStart: 20e6, ResponseEnd: 21e6,
		RequestPos: 1<<32 + 7, ResponsePos: 1<<32 + 9, RequestBytes: 100, ResponseBytes: 200, TraceID: "t", ParentID: "p",
	}
	d.log.HTTP(c, x.Client)
	d.log.Exchange(c, x, d.now)
	p := d.pts[0]
	got := map[string]string{}
	for _, tag := range p.Tags {
		got[tag.Key] = tag.Value
	}
	for key, want := range map[string]string{
		"l7_traceid": "7_9", "trace_id": "t", "parent_id": "p", "direction": "incoming", "conn_side": "server",
		"client_ip": "10.0.0.2", "server_ip": "10.0.0.1", "l7_proto": "http",
	} {
		if got[key] != want {
			t.Errorf("tag %s is %q, want %q", key, got[key], want)
		}
	}
	for key, want := range map[string]float64{"cost_req_sent": 2, "cost_resp_wait": 8, "cost_cnt_dl": 1} {
		if v := value(p, key).AsFloat(); v != want {
			t.Errorf("%s is %v, want %v", key, v, want)
		}
	}
	for key, want := range map[string]int64{"rx_seq": 7, "tx_seq": 9, "rx_bytes": 100, "tx_bytes": 200, "http_status_code": 200, "grpc_status_code": 5} {
		if v := value(p, key).AsInt(); v != want {
			t.Errorf("%s is %d, want %d", key, v, want)
		}
	}
	if p.Time != 10e6 || !value(p, "truncated").AsBool() {
		t.Errorf("time %d, %+v", p.Time, p.Fields)
	}
	const want = `{"l4_proto":"tcp","l7_proto":"http","http":{"direction":"incoming","trace_id":"t","parent_id":"p","version":"2","method":"POST","host":"h","path":"/a\"b","status_code":200,"grpc_status":5}}`
	if m := value(p, "message").AsString(); m != want {
		t.Errorf("message %s", m)
	}
}

// The id of a connection is the same at every reading, and another one on
// another interface or for another connection.
func TestInnerTraceID(t *testing.T) {
	d := newDesk(t, 1<<20)
	c := d.send(0, packet.SYN, 0)
	id := d.log.innerTraceID(c)
	if id != d.log.innerTraceID(c) || len(id) != 32 || id[:12] != "0000000f4240" {
		t.Errorf("id %s", id)
	}
	other := New(Config{Origin: Origin{NIC: "eth1"}})
	if other.innerTraceID(c) == id {
		t.Error("another interface has the same id")
	}
	again := d.packet(0, packet.ProtoTCP, 40001, packet.SYN, 0)
	if d.log.innerTraceID(again) == id {
		t.Error("another connection has the same id")
	}
}

func BenchmarkChunk(b *testing.B) {
	d := newDesk(nil, 64<<20)
	d.log.cfg.Emit = func(point.Point) {}
	b.ReportAllocs()
	for b.Loop() {
		for range 256 {
			d.send(time.Microsecond, packet.ACK, 100)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/packet")
}
