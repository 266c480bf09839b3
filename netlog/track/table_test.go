package track

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"datakit.dev/agent/netlog/packet"
)

// probe is a packet between numbered hosts.
func probe(at int64, proto uint8, from, to uint32, srcPort, dstPort uint16, flags packet.Flags) *packet.Packet {
	addr := func(n uint32) netip.Addr {
		return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	}
	return &packet.Packet{
		Time: at, Proto: proto, Dir: packet.Rx, Src: addr(from), Dst: addr(to), SrcPort: srcPort, DstPort: dstPort,
		TCP: packet.TCP{Flags: flags, Seq: from, Window: 100},
	}
}

// TestIdentity: which packets are of one connection.
func TestIdentity(t *testing.T) {
	first := *probe(second, packet.ProtoTCP, 1, 2, 1000, 80, ack)
	for name, tc := range map[string]struct {
		change func(*packet.Packet)
		same   bool
	}{
		"again":          {func(*packet.Packet) {}, true},
		"answer":         {func(p *packet.Packet) { p.Src, p.Dst, p.SrcPort, p.DstPort = p.Dst, p.Src, 80, 1000 }, true},
		"ports crossed":  {func(p *packet.Packet) { p.SrcPort, p.DstPort = 80, 1000 }, false},
		"other port":     {func(p *packet.Packet) { p.SrcPort++ }, false},
		"other address":  {func(p *packet.Packet) { p.Src = netip.MustParseAddr("10.0.0.9") }, false},
		"UDP":            {func(p *packet.Packet) { p.Proto = packet.ProtoUDP }, false},
		"in a tunnel":    {func(p *packet.Packet) { p.Tunnel, p.VNI = packet.VXLAN, 7 }, false},
		"tunnel, VNI 0":  {func(p *packet.Packet) { p.Tunnel = packet.VXLAN }, false},
		"IP in IP":       {func(p *packet.Packet) { p.Tunnel = packet.IPIP }, false},
		"in a VLAN":      {func(p *packet.Packet) { p.VLAN = [2]uint16{5, 0} }, false},
		"other MAC":      {func(p *packet.Packet) { p.SrcMAC[0] = 1 }, true},
		"IPv6 lookalike": {func(p *packet.Packet) { p.Src, p.Dst = netip.MustParseAddr("::a00:1"), netip.MustParseAddr("::a00:2") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			table := New(Config{})
			p := first
			table.Packet(&p)
			tc.change(&p)
			if ev, _ := table.Packet(&p); ev.New == tc.same {
				t.Errorf("begins a connection: %v", ev.New)
			}
		})
	}
}

func TestNetwork(t *testing.T) {
	for _, p := range []packet.Packet{
		{Proto: packet.ProtoTCP, Tunnel: packet.Geneve, VNI: 0xabcdef, VLAN: [2]uint16{0xfff, 0x123}},
		{Proto: packet.ProtoICMPv6, Tunnel: packet.IPIP, VLAN: [2]uint16{1, 0}},
	} {
		n := networkOf(&p)
		if n.proto() != p.Proto || n.tunnel() != p.Tunnel || n.vni() != p.VNI || n.vlan() != p.VLAN {
			t.Errorf("%v %v %x %x", n.proto(), n.tunnel(), n.vni(), n.vlan())
		}
	}
}

func TestNotTracked(t *testing.T) {
	table := New(Config{})
	fragment := probe(1, packet.ProtoUDP, 1, 2, 0, 0, 0)
	fragment.Fragment, fragment.FragmentOffset = true, 1480
	for _, p := range []*packet.Packet{fragment, probe(1, 47, 1, 2, 0, 0, 0)} {
		if _, ok := table.Packet(p); ok {
			t.Errorf("protocol %d, offset %d is tracked", p.Proto, p.FragmentOffset)
		}
	}
	if s := table.Stats(); s.LaterFragments != 1 || s.Untracked != 1 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDatagrams(t *testing.T) {
	table := New(Config{})
	query := probe(second, packet.ProtoUDP, 1, 2, 1000, 53, 0)
	query.PayloadLen = 30
	table.Packet(query)
	answer := probe(second+1, packet.ProtoUDP, 2, 1, 53, 1000, 0)
	answer.Dir, answer.PayloadLen = packet.Tx, 100
	ev, _ := table.Packet(answer)
	c := ev.Conn
	if c.State != Stateless || c.Opened != OpenedByRemote || c.Local.Stream != 100 || c.Remote.Stream != 30 || c.Local.Packets != 1 {
		t.Errorf("%+v", c)
	}

	ping := probe(second, packet.ProtoICMP, 1, 2, 0, 0, 0)
	ping.ICMP = packet.ICMP{Type: 8, ID: 77}
	a, _ := table.Packet(ping)
	pong := probe(second, packet.ProtoICMP, 2, 1, 0, 0, 0)
	pong.ICMP = packet.ICMP{Type: 0, ID: 77}
	if b, _ := table.Packet(pong); !a.New || b.New {
		t.Error("an echo and its reply are two connections")
	}
	ping.ICMP.ID = 78
	if b, _ := table.Packet(ping); !b.New {
		t.Error("two pings are one connection")
	}
}

// TestLifetime: when connections end, and why.
func TestLifetime(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(w *wire)
		want []Reason
	}{
		"idle": {func(w *wire) {
			w.handshake()
			w.table.Expire(w.now + int64(2*time.Minute) - 1)
			w.table.Expire(w.now + int64(2*time.Minute))
		}, []Reason{Idle}},
		"a packet keeps it": {func(w *wire) {
			w.handshake()
			w.now += int64(110 * time.Second)
			w.send(client, ack, 1)
			w.table.Expire(w.now + int64(110*time.Second))
		}, nil},
		"idle, found by its next packet": {func(w *wire) {
			w.handshake()
			w.now += int64(2 * time.Minute)
			if ev := w.send(client, ack, 1); !ev.New {
				w.t.Error("it went on")
			}
		}, []Reason{Idle}},
		"closed": {func(w *wire) {
			w.handshake()
			w.send(server, rst, 0)
			w.table.Expire(w.now + int64(time.Minute))
		}, []Reason{Over}},
		"re-used after reset": {func(w *wire) {
			w.handshake()
			w.send(server, rst, 0)
			w.seq = [2]uint32{7000, 9000}
			if ev := w.send(client, syn, 0); !ev.New || !ev.Analysis.Has(PortsReused) {
				w.t.Errorf("%+v", ev)
			}
		}, []Reason{Reused}},
		"re-used without an end": {func(w *wire) {
			w.handshake()
			w.seq = [2]uint32{1 << 30, 9000}
			w.send(client, syn, 0)
		}, []Reason{Reused}},
		"a repeated SYN is no new connection": {func(w *wire) {
			w.send(client, syn, 0)
			for range 6 {
				if ev := w.at(client, syn, w.seq[0]-1, 0); ev.Analysis != Retransmission|SYNRetransmission {
					w.t.Errorf("%v", ev.Analysis)
				}
			}
		}, nil},
		"stopped": {func(w *wire) { w.handshake(); w.table.Close() }, []Reason{Stopped}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, Config{})
			tc.do(w)
			if !slices.Equal(w.ended, tc.want) {
				t.Errorf("ended by %v, want %v", w.ended, tc.want)
			}
		})
	}
}

// TestEviction: a full table gives up what is over, then what was never
// answered, then what has been silent longest.
func TestEviction(t *testing.T) {
	var gone []string
	table := New(Config{Max: 6, Ended: func(c *Conn, why Reason) {
		_, remote := c.Ends()
		gone = append(gone, fmt.Sprintf("%v %d", why, remote.Port()))
	}})
	at := int64(1000 * second)
	for port := uint16(1); port <= 6; port++ {
		at += second
		table.Packet(probe(at, packet.ProtoTCP, 1, 2, port, 80, ack))
		if port > 2 {
			table.Packet(probe(at, packet.ProtoTCP, 2, 1, 80, port, ack)) // answered: 3, 4, 5, 6
		}
	}
	table.Packet(probe(at, packet.ProtoTCP, 2, 1, 80, 5, rst)) // over: 5
	table.Packet(probe(at, packet.ProtoTCP, 1, 2, 3, 80, ack)) // not silent longest: 3
	for port := uint16(11); port <= 15; port++ {
		at += second
		table.Packet(probe(at, packet.ProtoTCP, 1, 2, port, 80, ack))
		table.Packet(probe(at, packet.ProtoTCP, 2, 1, 80, port, ack))
	}
	want := []string{"evicted 5", "evicted 1", "evicted 2", "evicted 4", "evicted 6"}
	if !slices.Equal(gone, want) {
		t.Errorf("gone are %q, want %q", gone, want)
	}
	s := table.Stats()
	if s.Open != 6 || s.Evicted != [classes]int64{2, 2, 1} || s.Opened != s.Open+s.Ended[Evicted] {
		t.Errorf("%+v", s)
	}
}

// TestFloods: a port scan, a SYN flood and a flood of fragments leave the
// connection that talks, and memory within its bound.
func TestFloods(t *testing.T) {
	const bound = 4096
	for name, attack := range map[string]func(i uint32, at int64) *packet.Packet{
		"port scan": func(i uint32, at int64) *packet.Packet {
			return probe(at, packet.ProtoTCP, 9, 2, 5000, uint16(i), syn)
		},
		"SYN flood": func(i uint32, at int64) *packet.Packet {
			return probe(at, packet.ProtoTCP, 1000+i, 2, uint16(i), 80, syn)
		},
		"UDP flood": func(i uint32, at int64) *packet.Packet {
			return probe(at, packet.ProtoUDP, 1000+i, 2, uint16(i), 80, 0)
		},
		"gaps": func(i uint32, at int64) *packet.Packet {
			p := probe(at, packet.ProtoTCP, 1000+i/8, 2, 7, 80, ack)
			p.TCP.Seq, p.PayloadLen = i%8*3000, 100
			return p
		},
		"fragments": func(i uint32, at int64) *packet.Packet {
			p := probe(at, packet.ProtoUDP, 1000+i, 2, 0, 0, 0)
			p.Fragment, p.FragmentOffset = true, 8
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			ended := 0
			table := New(Config{Max: bound, Ended: func(c *Conn, _ Reason) {
				if _, remote := c.Ends(); remote.String() == "10.0.0.1:4321" {
					ended++
				}
			}})
			at := int64(1000 * second)
			for i := range uint32(300_000) {
				at += 10_000
				if i%20_000 == 0 {
					table.Packet(probe(at, packet.ProtoTCP, 1, 2, 4321, 80, ack))
					table.Packet(probe(at, packet.ProtoTCP, 2, 1, 80, 4321, ack))
				}
				table.Packet(attack(i, at))
			}
			s := table.Stats()
			if ended != 0 {
				t.Error("the connection that talks was given up")
			}
			if limit := int64(bound * 700); s.Open > bound || s.Memory > limit {
				t.Errorf("%d connections, %d bytes; want at most %d, %d", s.Open, s.Memory, bound, limit)
			}
			if opened := s.Ended[Evicted] + s.Open; s.Opened != opened {
				t.Errorf("opened %d, of which there are %d", s.Opened, opened)
			}
		})
	}
}

// What a hundred thousand connections take, by the runtime's count.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table := New(Config{Max: 100_000})
	for i := range uint32(100_000) {
		table.Packet(probe(second, packet.ProtoTCP, 1000+i, 2, 1000, 80, ack))
		table.Packet(probe(second, packet.ProtoTCP, 2, 1000+i, 80, 1000, ack))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := float64(after.HeapAlloc-before.HeapAlloc) / 100_000
	s := table.Stats()
	t.Logf("%.0f bytes per connection; the table says %.0f", per, float64(s.Memory)/100_000)
	if s.Open != 100_000 || per > 520 {
		t.Errorf("%d connections of %.0f bytes", s.Open, per)
	}
	runtime.KeepAlive(table)
}

// TestIndex inserts and removes at random and looks at the result with a map.
func TestIndex(t *testing.T) {
	table := New(Config{Max: 3000})
	want := map[uint16]bool{}
	at := int64(second)
	for i := range 200_000 {
		at += int64(i%3) * second / 10
		port := uint16(i * 7919 % 5003)
		flags := ack
		if i%3 == 0 {
			flags = rst
		}
		ev, _ := table.Packet(probe(at, packet.ProtoTCP, 1, 2, port, 80, flags))
		if _, remote := ev.Conn.Ends(); remote.Port() != port {
			t.Fatalf("port %d, found %d", port, remote.Port())
		}
		if i%1000 == 0 {
			table.Expire(at)
		}
	}
	n := 0
	for c := range table.All {
		_, remote := c.Ends()
		if want[remote.Port()] {
			t.Fatalf("port %d is there twice", remote.Port())
		}
		want[remote.Port()] = true
		n++
	}
	if s := table.Stats(); int64(n) != s.Open || s.Opened != s.Open+s.Ended[Idle]+s.Ended[Over]+s.Ended[Evicted] {
		t.Errorf("%d listed, %+v", n, s)
	}
	table.Close()
	if s := table.Stats(); s.Open != 0 {
		t.Errorf("%d are left", s.Open)
	}
}
