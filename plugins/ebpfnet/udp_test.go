package ebpfnet

import (
	"encoding/json"
	"fmt"
	"testing"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/plugins"
)

// udpFlow finds the only netflow of one side of the server's port.
func (p *packetWatch) udpFlow(direction string, port int) row {
	p.t.Helper()
	var found []row
	key := "dst_port"
	if direction == incoming {
		key = "src_port"
	}
	for _, r := range p.rows["netflow"] {
		if r["direction"] == direction && r[key] == fmt.Sprint(port) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		p.t.Fatalf("%d flows %s at port %d, want 1: %v", len(found), direction, port, p.rows["netflow"])
	}
	return found[0]
}

// TestUDP: bytes and owners of both sides are what the applications count,
// whatever way datagrams are sent.
func TestUDP(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, []string{"udp"}, nil)
	n := 2000
	if emulated() {
		n = 200
	}
	for _, v6 := range []bool{false, true} {
		for _, tt := range []struct {
			kind         string
			size, answer int
		}{
			{"connected", 100, 33},
			{"unconnected", 100, 33},
			{"connected", 8000, 6001}, // in fragments: the MTU is 1500
			{"unconnected", 1, 1},
			{"connected", 65000, 10},
			{"gso", 1000, 10},
		} {
			t.Run(fmt.Sprintf("%s %d v6=%v", tt.kind, tt.size, v6), func(t *testing.T) {
				watch.forget()
				s := server.do(order{Do: "udp sink", Addr: w.far.addr(v6, 0), N: tt.answer})
				got := client.do(order{Do: "udp send", Addr: s.Addr, N: n, ID: tt.size, Kind: tt.kind})
				if got.Written != uint64(n*tt.size) || got.Read != uint64(n*tt.answer) {
					t.Fatalf("the client sent %d and read %d bytes", got.Written, got.Read)
				}
				watch.report()
				out, in := watch.udpFlow(outgoing, portOf(t, s.Addr)), watch.udpFlow(incoming, portOf(t, s.Addr))
				for _, side := range []struct {
					row           row
					written, read uint64
					pid           int
				}{{out, got.Written, got.Read, client.pid}, {in, got.Read, got.Written, server.pid}} {
					r := side.row
					if r.int("bytes_written") != int(side.written) || r.int("bytes_read") != int(side.read) ||
						r.text("pid")+" "+r.text("process_name") != owner(t, side.pid) || r.text("transport") != "udp" {
						t.Errorf("%s: %v\nwant %d written, %d read by %d", r["direction"], r, side.written, side.read, side.pid)
					}
				}
				watch.nothingLost()
			})
		}
	}
}

// TestUDPRefused: what is refused because of an ICMP error is not counted.
func TestUDPRefused(t *testing.T) {
	w := newWorld(t)
	client := w.near.start(t)
	watch := observePackets(t, w, []string{"udp"}, nil)
	addr := w.far.addr(false, 9)
	got := client.do(order{Do: "udp send", Addr: addr, N: 200, ID: 10, Kind: "refused"})
	if got.N == 0 || got.N == 200 {
		t.Fatalf("%d of 200 sends were refused: no test", 200-got.N)
	}
	watch.report()
	if r := watch.udpFlow(outgoing, 9); r.int("bytes_written") != got.N*10 || r.int("bytes_read") != 0 {
		t.Errorf("%v, want %d written", r, got.N*10)
	}
}

// TestUDPBeforeUs: sockets that were there before are counted, too, and have
// their owners: one that never uses an address as well.
func TestUDPBeforeUs(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	s := server.do(order{Do: "udp sink", Addr: w.far.addr(false, 0), N: 5})
	c := client.do(order{Do: "udp dial", Addr: s.Addr})
	watch := observePackets(t, w, []string{"udp"}, nil)
	for range 100 {
		client.do(order{Do: "udp ask", ID: c.ID, N: 10})
	}
	watch.report()
	port := portOf(t, s.Addr)
	for _, tt := range []struct {
		direction     string
		written, read int
		app           *app
	}{{outgoing, 1000, 500, client}, {incoming, 500, 1000, server}} {
		r := watch.udpFlow(tt.direction, port)
		if r.int("bytes_written") != tt.written || r.int("bytes_read") != tt.read || r.text("pid")+" "+r.text("process_name") != owner(t, tt.app.pid) {
			t.Errorf("%v\nwant %d written, %d read by %d", r, tt.written, tt.read, tt.app.pid)
		}
	}
}

// TestUDPIntervals: each interval has what happened in it, no more, no less.
func TestUDPIntervals(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, []string{"udp"}, nil)
	s := server.do(order{Do: "udp sink", Addr: w.far.addr(false, 0), N: 7})
	done := make(chan answer, 1)
	go func() { done <- client.try(order{Do: "udp send", Addr: s.Addr, N: 20000, ID: 100, Kind: "connected"}) }()
	var got answer
	for running := true; running; {
		select {
		case got = <-done:
			running = false
		default:
		}
		watch.report()
	}
	written, read := 0, 0
	for _, r := range watch.rows["netflow"] {
		if r["direction"] == outgoing {
			written += r.int("bytes_written")
			read += r.int("bytes_read")
		}
	}
	if uint64(written) != got.Written || uint64(read) != got.Read {
		t.Errorf("%d intervals: %d written, %d read; want %d, %d", len(watch.rows["netflow"])/2, written, read, got.Written, got.Read)
	}
}

func TestUDPLoopbackAndIPv6(t *testing.T) {
	for _, tt := range []struct {
		name   string
		v6     bool
		change func(*plugins.EBPF)
		want   bool
	}{
		{"loopback is left out", false, func(*plugins.EBPF) {}, false},
		{"loopback", false, loopback, true},
		{"loopback v6", true, loopback, true},
		{"IPv6 is left out", true, func(c *plugins.EBPF) { c.IncludeLoopback, c.IPv6Disabled = true, true }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.near.start(t)
			watch := observePackets(t, w, []string{"udp"}, nil, tt.change)
			addr := "127.0.0.1:0"
			if tt.v6 {
				addr = "[::1]:0"
			}
			s := a.do(order{Do: "udp sink", Addr: addr, N: 1})
			a.do(order{Do: "udp send", Addr: s.Addr, N: 10, ID: 10})
			watch.report()
			if got := len(watch.rows["netflow"]); (got == 2) != tt.want || got != 0 && !tt.want {
				t.Errorf("%d flows: %v", got, watch.rows["netflow"])
			}
		})
	}
}

// TestUDPTableFull: flows beyond max_flows are counted as dropped.
func TestUDPTableFull(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, []string{"udp"}, nil, func(c *plugins.EBPF) { c.MaxFlows = 4 })
	for range 8 { // of 16 sockets, each with 20 datagrams, four find room
		s := server.do(order{Do: "udp sink", Addr: w.far.addr(false, 0), N: 1})
		client.do(order{Do: "udp send", Addr: s.Addr, N: 10, ID: 10})
	}
	watch.report()
	c, err := watch.p.apps.tap.Counts()
	must(t, err)
	if c.NoRoom != 12*20 || len(watch.rows["netflow"]) != 4 {
		t.Errorf("%d datagrams without room, want %d; %d flows, want 4", c.NoRoom, 12*20, len(watch.rows["netflow"]))
	}
	watch.nothingLost("udp_table_full")
}

// TestIperf: the bytes of iperf3's own report, on both sides.
func TestIperf(t *testing.T) {
	nettest.Need(t, "iperf3")
	w := newWorld(t)
	w.far.Daemon(t, "iperf3", "-s", "-B", w.far.V4)
	w.far.Listens(t, w.far.addr(false, 5201))
	watch := observePackets(t, w, []string{"udp"}, nil)
	out := w.near.Run(t, "iperf3", "-u", "-c", w.far.V4, "-b", "200M", "-l", "1200", "-t", "2", "-J")
	var result struct {
		End struct {
			Streams []struct {
				UDP struct {
					Bytes   int `json:"bytes"`
					Packets int `json:"packets"`
					Lost    int `json:"lost_packets"`
				} `json:"udp"`
			} `json:"streams"`
		} `json:"end"`
	}
	must(t, json.Unmarshal([]byte(out), &result))
	sent := result.End.Streams[0].UDP
	watch.report()
	// iperf3 opens a stream with a message of 4 bytes and an answer to it.
	o, i := watch.udpFlow(outgoing, 5201), watch.udpFlow(incoming, 5201)
	if o.int("bytes_written") != sent.Bytes+4 || o.int("bytes_read") != 4 {
		t.Errorf("outgoing %v; iperf3 sent %d bytes in %d datagrams", o, sent.Bytes, sent.Packets)
	}
	if i.int("bytes_read") != sent.Bytes+4 || i.int("bytes_written") != 4 {
		t.Errorf("incoming %v; iperf3 sent %d bytes, lost %d datagrams", i, sent.Bytes, sent.Lost)
	}
}
