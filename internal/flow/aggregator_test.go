package flow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

var at = time.Unix(1700000000, 5)

// conn is an outgoing TCP connection that did something.
func conn(local, remote string, change ...func(*Conn)) Conn {
	c := Conn{
		Netns: 4026531840, NetnsDev: 4,
		Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote),
		Transport: TCP, Direction: Outgoing,
		PID: 42, Process: "curl", Container: "c0ffee",
		Written: 10, Read: 20,
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func incoming(c *Conn) { c.Direction = Incoming }
func quiet(c *Conn)    { c.Written, c.Read = 0, 0 }

// tagsOf and fieldsOf read a point for comparison.
func tagsOf(p point.Point) map[string]string {
	m := map[string]string{}
	for _, t := range p.Tags {
		m[t.Key] = t.Value
	}
	return m
}

func fieldsOf(p point.Point) map[string]int64 {
	m := map[string]int64{}
	for _, f := range p.Fields {
		if f.Value.Kind() == point.KindInt {
			m[f.Key] = f.Value.AsInt()
		}
	}
	return m
}

// only returns the single point of a flush.
func only(t *testing.T, pts []point.Point) point.Point {
	t.Helper()
	if len(pts) != 1 {
		t.Fatalf("got %d points, want 1: %v", len(pts), pts)
	}
	return pts[0]
}

func TestPointOfOneConnection(t *testing.T) {
	a := New(Config{ContainerID: true, Tags: map[string]string{"zone": "z1", "pid": "mine", "env": "prod"}})
	a.Add(conn("10.1.2.3:40000", "8.8.8.8:443", func(c *Conn) {
		c.Retransmits, c.RTT, c.RTTVar, c.Established, c.Closed = 3, 250, 90, 1, 1
	}))
	p := only(t, a.Flush(at))

	if p.Measurement != "netflow" || p.Time != at.UnixNano() {
		t.Errorf("measurement %q at %d, want netflow at %d", p.Measurement, p.Time, at.UnixNano())
	}
	wantTags := map[string]string{
		"container_id": "c0ffee", "direction": "outgoing", "family": "IPv4", "transport": "tcp",
		"src_ip": "10.1.2.3", "src_port": "*", "src_ip_type": "private",
		"dst_ip": "8.8.8.8", "dst_port": "443", "dst_ip_type": "other",
		"pid": "42", "process_name": "curl", "netns": "NS(4:4026531840)",
		"zone": "z1", "env": "prod",
	}
	if got := tagsOf(p); fmt.Sprint(got) != fmt.Sprint(wantTags) {
		t.Errorf("tags\n got %v\nwant %v", got, wantTags)
	}
	wantFields := map[string]int64{
		"bytes_written": 10, "bytes_read": 20, "retransmits": 3, "rtt": 250, "rtt_var": 90,
		"tcp_established": 1, "tcp_closed": 1,
	}
	if got := fieldsOf(p); fmt.Sprint(got) != fmt.Sprint(wantFields) {
		t.Errorf("fields\n got %v\nwant %v", got, wantFields)
	}
}

func TestPorts(t *testing.T) {
	tests := []struct {
		name             string
		ephemeral        int
		conn             Conn
		srcPort, dstPort string
	}{
		{"outgoing client port above", 32768, conn("10.0.0.1:40000", "10.0.0.2:80"), "*", "80"},
		{"outgoing client port at the limit", 32768, conn("10.0.0.1:32768", "10.0.0.2:80"), "*", "80"},
		{"outgoing client port below", 32768, conn("10.0.0.1:2000", "10.0.0.2:80"), "2000", "80"},
		{"outgoing to a high server port", 32768, conn("10.0.0.1:2000", "10.0.0.2:50000"), "2000", "50000"},
		{"incoming", 32768, conn("10.0.0.1:80", "10.0.0.2:40000", incoming), "80", "*"},
		{"incoming from a low port", 32768, conn("10.0.0.1:80", "10.0.0.2:1023", incoming), "80", "1023"},
		{"unset", 0, conn("10.0.0.1:2", "10.0.0.2:80"), "*", "80"},
		{"unset, incoming", 0, conn("10.0.0.1:80", "10.0.0.2:2", incoming), "80", "*"},
		{"negative", -1, conn("10.0.0.1:2", "10.0.0.2:80"), "*", "80"},
		{"unknown direction", 0, conn("10.0.0.1:40000", "10.0.0.2:80", func(c *Conn) { c.Direction = Unknown }), "40000", "80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := New(Config{EphemeralPort: tt.ephemeral})
			a.Add(tt.conn)
			tags := tagsOf(only(t, a.Flush(at)))
			if tags["src_port"] != tt.srcPort || tags["dst_port"] != tt.dstPort {
				t.Errorf("got %s -> %s, want %s -> %s", tags["src_port"], tags["dst_port"], tt.srcPort, tt.dstPort)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct {
		local, remote    string
		src, dst         string
		family           string
		srcType, dstType string
	}{
		{"10.1.2.3:1", "224.0.0.1:2", "10.1.2.3", "224.0.0.1", "IPv4", "private", "multicast"},
		{"172.16.0.1:1", "192.168.0.1:2", "172.16.0.1", "192.168.0.1", "IPv4", "private", "private"},
		{"8.8.8.8:1", "169.254.1.1:2", "8.8.8.8", "169.254.1.1", "IPv4", "other", "other"},
		{"[::ffff:10.0.0.1]:1", "[::ffff:8.8.8.8]:2", "10.0.0.1", "8.8.8.8", "IPv4", "private", "other"},
		{"[fd00::1]:1", "[2001:db8::1]:2", "fd00::1", "2001:db8::1", "IPv6", "private", "other"},
		{"[fe80::1%3]:1", "[ff02::1%3]:2", "fe80::1", "ff02::1", "IPv6", "other", "multicast"},
		{"127.0.0.1:1", "127.8.8.8:2", "127.0.0.1", "127.8.8.8", "IPv4", "loopback", "loopback"},
		{"[::1]:1", "[::1]:2", "::1", "::1", "IPv6", "loopback", "loopback"},
	}
	for _, tt := range tests {
		t.Run(tt.local+" "+tt.remote, func(t *testing.T) {
			a := New(Config{IncludeLoopback: true})
			a.Add(conn(tt.local, tt.remote))
			g := tagsOf(only(t, a.Flush(at)))
			got := []string{g["src_ip"], g["dst_ip"], g["family"], g["src_ip_type"], g["dst_ip_type"]}
			want := []string{tt.src, tt.dst, tt.family, tt.srcType, tt.dstType}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestSkips(t *testing.T) {
	zero := func(c *Conn) { c.Local = netip.AddrPort{} }
	tests := []struct {
		name string
		conn Conn
		want Stats
	}{
		{"source port 0", conn("10.0.0.1:0", "10.0.0.2:80"), Stats{SkippedNoPort: 1}},
		{"destination port 0", conn("10.0.0.1:1", "10.0.0.2:0"), Stats{SkippedNoPort: 1}},
		{"no address at all", conn("10.0.0.1:1", "10.0.0.2:80", zero), Stats{SkippedNoPort: 1}},
		{"unspecified IPv4", conn("0.0.0.0:1", "10.0.0.2:80"), Stats{SkippedNoAddress: 1}},
		{"unspecified IPv6", conn("[fd00::1]:1", "[::]:80"), Stats{SkippedNoAddress: 1}},
		{"unspecified mapped", conn("[::ffff:0.0.0.0]:1", "10.0.0.2:80"), Stats{SkippedNoAddress: 1}},
		{"invalid address", conn("10.0.0.1:1", "10.0.0.2:80", func(c *Conn) {
			c.Remote = netip.AddrPortFrom(netip.Addr{}, 80)
		}), Stats{SkippedNoAddress: 1}},
		{"loopback source", conn("127.0.0.9:1", "10.0.0.2:80"), Stats{SkippedLoopback: 1}},
		{"loopback destination", conn("10.0.0.2:80", "127.255.0.1:1"), Stats{SkippedLoopback: 1}},
		{"IPv6 loopback", conn("[::1]:1", "[::1]:80"), Stats{SkippedLoopback: 1}},
		{"mapped loopback", conn("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:80"), Stats{SkippedLoopback: 1}},
		{"nothing happened", conn("10.0.0.1:1", "10.0.0.2:80", quiet, func(c *Conn) { c.RTT = 100 }), Stats{SkippedIdle: 1}},
		{"only established", conn("10.0.0.1:1", "10.0.0.2:80", quiet, func(c *Conn) { c.Established = 1 }), Stats{Aggregated: 1, Flows: 1, Emitted: 1}},
		{"only closed", conn("10.0.0.1:1", "10.0.0.2:80", quiet, func(c *Conn) { c.Closed = 1 }), Stats{Aggregated: 1, Flows: 1, Emitted: 1}},
		{"only retransmits", conn("10.0.0.1:1", "10.0.0.2:80", quiet, func(c *Conn) { c.Retransmits = 1 }), Stats{Aggregated: 1, Flows: 1, Emitted: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := New(Config{})
			a.Add(tt.conn)
			if n := int64(len(a.Flush(at))); n != tt.want.Emitted {
				t.Errorf("%d points, want %d", n, tt.want.Emitted)
			}
			if got := a.Stats(); got != tt.want {
				t.Errorf("stats %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSumsAndMeans(t *testing.T) {
	a := New(Config{})
	a.Add(conn("10.0.0.1:40000", "10.0.0.2:80", func(c *Conn) { c.RTT, c.RTTVar, c.Established = 100, 10, 1 }))
	a.Add(conn("10.0.0.1:40001", "10.0.0.2:80", func(c *Conn) { c.RTT, c.RTTVar, c.Retransmits = 301, 30, 2 }))
	a.Add(conn("10.0.0.1:40002", "10.0.0.2:80", func(c *Conn) { c.Closed = 1 })) // never measured
	got := fieldsOf(only(t, a.Flush(at)))
	want := map[string]int64{
		"bytes_written": 30, "bytes_read": 60, "retransmits": 2, "rtt": 200, "rtt_var": 20,
		"tcp_established": 1, "tcp_closed": 1,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if pts := a.Flush(at); pts != nil {
		t.Errorf("a second flush repeats %v", pts)
	}
}

// TestKey changes one thing at a time: each makes a flow of its own, or not.
func TestKey(t *testing.T) {
	base := conn("10.0.0.1:40000", "10.0.0.2:80")
	addr := netip.MustParseAddrPort
	tests := []struct {
		name   string
		change func(*Conn)
		cfg    Config
		flows  int
	}{
		{"client port", func(c *Conn) { c.Local = addr("10.0.0.1:40001") }, Config{}, 1},
		{"client port below ephemeral", func(c *Conn) { c.Local = addr("10.0.0.1:40001") }, Config{EphemeralPort: 50000}, 2},
		{"local address", func(c *Conn) { c.Local = addr("10.0.0.3:40000") }, Config{}, 2},
		{"remote address", func(c *Conn) { c.Remote = addr("10.0.0.3:80") }, Config{}, 2},
		{"remote port", func(c *Conn) { c.Remote = addr("10.0.0.2:81") }, Config{}, 2},
		{"mapped address", func(c *Conn) { c.Remote = addr("[::ffff:10.0.0.2]:80") }, Config{}, 1},
		{"transport", func(c *Conn) { c.Transport = UDP }, Config{}, 2},
		{"direction", func(c *Conn) { c.Direction = Incoming }, Config{}, 2},
		{"pid", func(c *Conn) { c.PID++ }, Config{}, 2},
		{"process name", func(c *Conn) { c.Process = "wget" }, Config{}, 2},
		{"namespace", func(c *Conn) { c.Netns++ }, Config{}, 2},
		{"namespace device", func(c *Conn) { c.NetnsDev++ }, Config{}, 2},
		{"container, not asked for", func(c *Conn) { c.Container = "other" }, Config{}, 1},
		{"container, asked for", func(c *Conn) { c.Container = "other" }, Config{ContainerID: true}, 2},
		{"cgroup id", func(c *Conn) { c.CgroupID++ }, Config{ContainerID: true}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, other := New(tt.cfg), base
			tt.change(&other)
			a.Add(base)
			a.Add(other)
			if got := len(a.Flush(at)); got != tt.flows {
				t.Errorf("%d flows, want %d", got, tt.flows)
			}
		})
	}
}

func TestUnknownIsAbsent(t *testing.T) {
	a := New(Config{ContainerID: true})
	a.Add(Conn{
		Local: netip.MustParseAddrPort("10.0.0.1:5"), Remote: netip.MustParseAddrPort("10.0.0.2:6"),
		Transport: UDP, Written: 1,
	})
	p := only(t, a.Flush(at))
	tags := tagsOf(p)
	for _, key := range []string{"pid", "process_name", "container_id", "direction", "netns"} {
		if v, ok := tags[key]; ok {
			t.Errorf("tag %s = %q, want none", key, v)
		}
	}
	if got := fieldsOf(p); len(got) != 2 || got["bytes_written"] != 1 || got["bytes_read"] != 0 {
		t.Errorf("fields of UDP: %v, want bytes alone", got)
	}
}

func TestOverflow(t *testing.T) {
	a := New(Config{MaxFlows: 2, Tags: map[string]string{"env": "prod"}})
	for i := range 5 {
		a.Add(conn("10.0.0.1:40000", fmt.Sprintf("10.0.0.%d:80", i+2)))
	}
	a.Add(conn("10.0.0.1:40000", "10.0.0.2:80")) // known, so not beyond
	pts := a.Flush(at)
	if len(pts) != 3 {
		t.Fatalf("%d points, want two flows and the overflow", len(pts))
	}
	last := pts[2]
	if got := tagsOf(last); fmt.Sprint(got) != fmt.Sprint(map[string]string{"overflow": "true", "env": "prod"}) {
		t.Errorf("tags of the overflow: %v", got)
	}
	if f := fieldsOf(last); f["bytes_written"] != 30 || f["bytes_read"] != 60 {
		t.Errorf("fields of the overflow: %v", f)
	}
	if s := a.Stats(); s.Aggregated != 3 || s.Overflowed != 3 || s.Flows != 2 {
		t.Errorf("stats %+v", s)
	}
	if pts := a.Flush(at); pts != nil {
		t.Errorf("the overflow is reported again: %v", pts)
	}
}

// TestNothingIsLost adds a random mix and compares the sums of all points,
// overflow included, with the sums of what was added.
func TestNothingIsLost(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	a := New(Config{MaxFlows: 50})
	var want, got Conn
	for range 4 {
		for range 500 {
			c := conn(fmt.Sprintf("10.0.0.%d:4000", 1+rnd.IntN(9)), fmt.Sprintf("10.1.0.%d:80", 1+rnd.IntN(9)))
			c.Written, c.Read, c.Established, c.Closed = rnd.Uint64N(1e9), rnd.Uint64N(1e9), rnd.IntN(2), rnd.IntN(2)
			want.Written, want.Read = want.Written+c.Written, want.Read+c.Read
			want.Established, want.Closed = want.Established+c.Established, want.Closed+c.Closed
			a.Add(c)
		}
		for _, p := range a.Flush(at) {
			f := fieldsOf(p)
			got.Written, got.Read = got.Written+uint64(f["bytes_written"]), got.Read+uint64(f["bytes_read"])
			got.Established, got.Closed = got.Established+int(f["tcp_established"]), got.Closed+int(f["tcp_closed"])
		}
	}
	if got != want {
		t.Errorf("points sum to %+v, connections to %+v", got, want)
	}
	if s := a.Stats(); s.Aggregated+s.Overflowed != 2000 || s.Emitted != s.Flows {
		t.Errorf("stats do not add up: %+v", s)
	}
}

func TestPointsDoNotShareMemory(t *testing.T) {
	a := New(Config{})
	a.Add(conn("10.0.0.1:4000", "10.0.0.2:80"))
	a.Add(conn("10.0.0.1:4000", "10.0.0.3:80"))
	pts := a.Flush(at)
	before := fmt.Sprint(pts[1])
	pts[0].Tags = append(pts[0].Tags, point.Tag{Key: "x", Value: "y"})
	pts[0].Fields = append(pts[0].Fields, point.Field{Key: "z", Value: point.Int(1)})
	if after := fmt.Sprint(pts[1]); after != before {
		t.Errorf("appending to one point changed the next\nfrom %s\nto   %s", before, after)
	}
}

func TestTablesShrink(t *testing.T) {
	a := New(Config{})
	for i := range 20000 {
		a.Add(conn("10.0.0.1:4000", fmt.Sprintf("10.1.%d.%d:80", i/200, i%200+1)))
	}
	a.Flush(at)
	a.Add(conn("10.0.0.1:4000", "10.0.0.2:80"))
	a.Flush(at)
	if cap(a.flows.entries) > 1024 {
		t.Errorf("room for %d flows is kept after an interval with one", cap(a.flows.entries))
	}
}

// TestDomains: the remote end is named, whoever opened the connection.
func TestDomains(t *testing.T) {
	known := names{"10.0.0.2": "a.example", "fd00::2": "b.example"}
	tests := []struct {
		name string
		conn Conn
		want string
	}{
		{"known", conn("10.0.0.1:40000", "10.0.0.2:80"), "a.example"},
		{"mapped", conn("[::ffff:10.0.0.1]:40000", "[::ffff:10.0.0.2]:80"), "a.example"},
		{"IPv6", conn("[fd00::1]:40000", "[fd00::2]:80"), "b.example"},
		{"incoming", conn("10.0.0.1:80", "10.0.0.2:40000", incoming), "a.example"},
		{"known is the local end", conn("10.0.0.2:40000", "10.0.0.1:80"), ""},
		{"not known", conn("10.0.0.1:40000", "10.0.0.3:80"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := New(Config{Domains: known})
			a.Add(tt.conn)
			if got := tagsOf(only(t, a.Flush(at)))["dst_domain"]; got != tt.want {
				t.Errorf("dst_domain is %q, want %q", got, tt.want)
			}
		})
	}
}
