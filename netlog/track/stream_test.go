package track

import (
	"testing"

	"datakit.dev/agent/netlog/packet"
)

// Payload is counted once, in whatever order and however often it comes.
func TestStream(t *testing.T) {
	type part struct {
		at, n  int // in the client's stream, which holds 4000 bytes
		stream uint64
		a      Analysis
	}
	for name, parts := range map[string][]part{
		"in order":        {{0, 1000, 1000, 0}, {1000, 1000, 2000, 0}},
		"repeated":        {{0, 1000, 1000, 0}, {0, 1000, 1000, Retransmission}},
		"partly new":      {{0, 1000, 1000, 0}, {500, 1000, 1500, Retransmission}},
		"late":            {{0, 1000, 1000, 0}, {2000, 1000, 2000, LostSegment}, {1000, 1000, 3000, OutOfOrder}},
		"late and twice":  {{0, 1000, 1000, 0}, {2000, 1000, 2000, LostSegment}, {1000, 1000, 3000, OutOfOrder}, {1000, 1000, 3000, Retransmission}},
		"hole in parts":   {{0, 1000, 1000, 0}, {3000, 1000, 2000, LostSegment}, {2000, 500, 2500, OutOfOrder}, {1500, 1500, 3500, OutOfOrder}, {1000, 600, 4000, OutOfOrder}},
		"keep-alive":      {{0, 1000, 1000, 0}, {999, 1, 1000, KeepAlive}, {1000, 1000, 2000, 0}},
		"keep-alive, 0":   {{0, 1000, 1000, 0}, {999, 0, 1000, KeepAlive}},
		"before the rest": {{1000, 1000, 1000, LostSegment}, {0, 1000, 2000, OutOfOrder}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, Config{})
			c := w.handshake()
			c.InitialRTT = 1 << 40 // everything comes soon enough to be late
			begin := w.seq[0]
			var bytes uint64
			for i, p := range parts {
				ev := w.at(client, ack, begin+uint32(p.at), p.n)
				bytes += uint64(p.n)
				if c.Local.Stream != p.stream || ev.Analysis != p.a {
					t.Errorf("part %d: %d bytes, %v; want %d, %v", i, c.Local.Stream, ev.Analysis, p.stream, p.a)
				}
			}
			if c.Local.Bytes != bytes {
				t.Errorf("%d bytes on the wire, want %d", c.Local.Bytes, bytes)
			}
		})
	}
}

// Four gigabytes and more: positions go on where sequence numbers wrap.
func TestWrap(t *testing.T) {
	w := newWire(t, Config{})
	w.seq[0] = 1<<32 - 3000
	c := w.handshake()
	const segment = 1 << 20
	var last uint64
	for i := range 9000 {
		ev := w.send(client, ack, segment)
		if ev.Analysis != 0 || ev.Pos <= last {
			t.Fatalf("segment %d at %d: %v", i, ev.Pos, ev.Analysis)
		}
		last = ev.Pos
		w.send(server, ack, 0)
	}
	if want := uint64(9000 * segment); c.Local.Stream != want || c.Local.Last-c.Local.First-1 != want {
		t.Errorf("%d bytes, positions over %d; want %d", c.Local.Stream, c.Local.Last-c.Local.First, want)
	}
}

func TestZeroWindow(t *testing.T) {
	w := newWire(t, Config{})
	c := w.handshake()
	w.send(client, ack, 100)
	closed := packet.Packet{
		Time: w.now + 1, Proto: packet.ProtoTCP, Dir: packet.Rx, Src: w.server.Addr(), SrcPort: 80, Dst: w.client.Addr(), DstPort: 40000,
		TCP: packet.TCP{Seq: w.seq[1], Ack: w.seq[0], Flags: ack},
	}
	if ev, _ := w.table.Packet(&closed); ev.Analysis != ZeroWindow {
		t.Errorf("%v", ev.Analysis)
	}
	if ev := w.at(client, ack, w.seq[0], 1); ev.Analysis != ZeroWindowProbe {
		t.Errorf("%v", ev.Analysis)
	}
	if ev, _ := w.table.Packet(&closed); ev.Analysis != ZeroWindow|ZeroWindowProbeAck {
		t.Errorf("%v", ev.Analysis)
	}
	if c.Remote.ZeroWindows != 2 || c.Local.Probes != 1 || c.Local.Stream != 100 {
		t.Errorf("%d zero windows, %d probes, %d bytes", c.Remote.ZeroWindows, c.Local.Probes, c.Local.Stream)
	}
}

// Three duplicate ACKs and what follows them.
func TestFastRetransmission(t *testing.T) {
	w := newWire(t, Config{})
	c := w.handshake()
	lost := w.seq[0]
	w.seq[0] += 1000
	for range 3 {
		w.send(client, ack, 1000)
	}
	end := w.seq[0]
	w.seq[0] = lost // what the server acknowledges
	w.at(server, ack, w.seq[1], 0)
	for range 3 {
		if ev := w.at(server, ack, w.seq[1], 0); ev.Analysis != DuplicateAck {
			t.Errorf("%v", ev.Analysis)
		}
	}
	w.seq[0] = end
	if ev := w.at(client, ack, lost, 1000); ev.Analysis != Retransmission|FastRetransmission {
		t.Errorf("%v", ev.Analysis)
	}
	w.send(server, ack, 0)
	if ev := w.at(client, ack, lost, 1000); ev.Analysis != Retransmission|SpuriousRetransmission {
		t.Errorf("%v", ev.Analysis)
	}
	if c.Local.Retransmits != 2 || c.Remote.DuplicateAcks != 4 {
		t.Errorf("%d repeated, %d duplicate ACKs", c.Local.Retransmits, c.Remote.DuplicateAcks)
	}
}

func TestRoundTrip(t *testing.T) {
	var r roundTrip
	for name, tc := range map[string]struct {
		sent []uint32 // ends, 1 ms apart
		ack  uint32
		want int64 // ms at 100 ms
	}{
		"one":                        {[]uint32{10}, 10, 100},
		"oldest of two":              {[]uint32{10, 20}, 10, 100},
		"latest of two":              {[]uint32{10, 20}, 20, 99},
		"between two":                {[]uint32{10, 20}, 15, 0},
		"before all":                 {[]uint32{10, 20}, 5, 0},
		"beyond all":                 {[]uint32{10, 20}, 25, 0},
		"latest of many":             {[]uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 12, 89},
		"not timed, of many":         {[]uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 10, 0},
		"over the wrap":              {[]uint32{1<<32 - 5, 5}, 5, 99},
		"repeated end is no new one": {[]uint32{10, 10}, 10, 100},
	} {
		t.Run(name, func(t *testing.T) {
			r = roundTrip{}
			for i, end := range tc.sent {
				r.send(int64(i)*1e6, end)
			}
			if got := r.acknowledge(100e6, tc.ack); got != tc.want*1e6 {
				t.Errorf("%d ns, want %d ms", got, tc.want)
			}
		})
	}
	t.Run("repeated segments tell nothing", func(t *testing.T) {
		r = roundTrip{}
		r.send(0, 10)
		r.repeat()
		if got := r.acknowledge(100e6, 10); got != 0 {
			t.Errorf("%d", got)
		}
	})
	t.Run("too old", func(t *testing.T) {
		r = roundTrip{}
		r.send(0, 10)
		r.send(10*second, 20)
		if got := r.acknowledge(10*second+1e6, 20); got != 1e6 || r.n != 0 {
			t.Errorf("%d", got)
		}
	})
	t.Run("smoothed", func(t *testing.T) { // RFC 6298: 7/8 of 100, 1/8 of 180
		r = roundTrip{}
		r.smooth(100)
		r.smooth(180)
		if r.smoothed != 110 || r.deviation != 57 {
			t.Errorf("%d, %d", r.smoothed, r.deviation)
		}
	})
}
