package flow

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

// query is one transaction seen at the client.
func query(client, server string, change ...func(*DNS)) *DNS {
	d := &DNS{
		Netns: 4026531840, NetnsDev: 4,
		Client: netip.MustParseAddrPort(client), Server: netip.MustParseAddrPort(server),
		Direction: Outgoing, PID: 42, Process: "dig", Container: "c0ffee",
		Name: "example.com", Type: 1, Latency: time.Millisecond, Time: at.UnixNano(),
	}
	for _, f := range change {
		f(d)
	}
	return d
}

func timedOut(d *DNS) { d.RCode, d.Latency = -1, 0 }

func took(ms int) func(*DNS) {
	return func(d *DNS) { d.Latency = time.Duration(ms) * time.Millisecond }
}

func rcoded(code int) func(*DNS) { return func(d *DNS) { d.RCode = code } }

// fieldText writes the fields of a point in a comparable way.
func fieldText(p point.Point) string {
	fields := slices.Clone(p.Fields)
	slices.SortFunc(fields, func(a, b point.Field) int { return cmp.Compare(a.Key, b.Key) })
	line, _ := point.AppendLine(nil, &point.Point{Measurement: "m", Fields: fields}, point.Network, nil, nil)
	return strings.TrimSuffix(strings.TrimPrefix(string(line), "m "), "\n")
}

func TestPointOfOneTransaction(t *testing.T) {
	tests := []struct {
		name   string
		dns    *DNS
		tags   map[string]string
		fields string
	}{
		{
			"at the client", query("10.0.0.1:40000", "10.0.0.2:53"),
			map[string]string{"direction": "outgoing", "src_ip": "10.0.0.1", "src_port": "*", "dst_ip": "10.0.0.2", "dst_port": "53", "transport": "udp"},
			"count=1i,latency=1000000i,latency_max=1000000i,rcode=0i",
		}, {
			"at the server", query("10.0.0.1:40000", "10.0.0.2:53", func(d *DNS) { d.Direction = Incoming }),
			map[string]string{"direction": "incoming", "src_ip": "10.0.0.2", "src_port": "53", "dst_ip": "10.0.0.1", "dst_port": "*", "transport": "udp"},
			"count=1i,latency=1000000i,latency_max=1000000i,rcode=0i",
		}, {
			"direction not known", query("10.0.0.1:40000", "10.0.0.2:53", func(d *DNS) { d.Direction = Unknown }),
			map[string]string{"direction": "outgoing", "src_ip": "10.0.0.1", "src_port": "*", "dst_ip": "10.0.0.2", "dst_port": "53", "transport": "udp"},
			"count=1i,latency=1000000i,latency_max=1000000i,rcode=0i",
		}, {
			"a server that asks from its own port", query("10.0.0.1:53", "10.0.0.2:53"),
			map[string]string{"direction": "outgoing", "src_ip": "10.0.0.1", "src_port": "53", "dst_ip": "10.0.0.2", "dst_port": "53", "transport": "udp"},
			"count=1i,latency=1000000i,latency_max=1000000i,rcode=0i",
		}, {
			"over TCP, with an extended code", query("[::ffff:10.0.0.1]:2000", "[::ffff:10.0.0.2]:53", rcoded(16), func(d *DNS) { d.TCP = true }),
			map[string]string{"direction": "outgoing", "src_ip": "10.0.0.1", "src_port": "*", "dst_ip": "10.0.0.2", "dst_port": "53", "transport": "tcp"},
			"count=1i,latency=1000000i,latency_max=1000000i,rcode=16i",
		}, {
			"timeout", query("10.0.0.1:40000", "10.0.0.2:53", timedOut),
			map[string]string{"direction": "outgoing", "src_ip": "10.0.0.1", "src_port": "*", "dst_ip": "10.0.0.2", "dst_port": "53", "transport": "udp"},
			"count=1i,rcode=-1i",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := NewDNS(DNSConfig{Config: Config{EphemeralPort: 32768}})
			a.Add(tt.dns)
			p := only(t, a.Flush(at))
			maps.Copy(tt.tags, map[string]string{"family": "IPv4", "netns": "NS(4:4026531840)", "src_ip_type": "private", "dst_ip_type": "private"})
			if got := tagsOf(p); !maps.Equal(got, tt.tags) {
				t.Errorf("tags\n got %v\nwant %v", got, tt.tags)
			}
			if got := fieldText(p); got != tt.fields {
				t.Errorf("fields\n got %s\nwant %s", got, tt.fields)
			}
		})
	}
}

// TestRCodesAreTwins: points of equal tags have times of their own.
func TestRCodesAreTwins(t *testing.T) {
	a := NewDNS(DNSConfig{})
	for range 3 {
		a.Add(query("10.0.0.1:40000", "10.0.0.2:53", took(2)))
		a.Add(query("10.0.0.1:40001", "10.0.0.2:53", rcoded(3), took(4)))
		a.Add(query("10.0.0.1:40002", "10.0.0.2:53", timedOut))
	}
	a.Add(query("10.0.0.1:40000", "10.0.0.2:53", took(10)))
	a.Add(query("10.0.0.1:40000", "10.0.0.9:53", took(1)))
	want := []string{
		"10.0.0.2 +0 count=4i,latency=4000000i,latency_max=10000000i,rcode=0i",
		"10.0.0.2 +1 count=3i,latency=4000000i,latency_max=4000000i,rcode=3i",
		"10.0.0.2 +2 count=3i,rcode=-1i",
		"10.0.0.9 +0 count=1i,latency=1000000i,latency_max=1000000i,rcode=0i",
	}
	var got []string
	for _, p := range a.Flush(at) {
		got = append(got, fmt.Sprintf("%s +%d %s", tagsOf(p)["dst_ip"], p.Time-at.UnixNano(), fieldText(p)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDNSOverflow(t *testing.T) {
	a := NewDNS(DNSConfig{Config: Config{MaxFlows: 2}})
	for _, d := range []*DNS{
		query("10.0.0.1:1", "10.0.0.2:53"), query("10.0.0.1:1", "10.0.0.2:53", timedOut),
		query("10.0.0.1:1", "10.0.0.3:53", timedOut), query("10.0.0.1:1", "10.0.0.2:53", rcoded(3), took(7)),
	} {
		a.Add(d)
	}
	points := a.Flush(at)
	if len(points) != 3 || tagsOf(points[2])["overflow"] != "true" {
		t.Fatalf("got %v, want two flows and the overflow", points)
	}
	if got, want := fieldText(points[2]), "count=2i,latency=7000000i,latency_max=7000000i"; got != want {
		t.Errorf("overflow: got %s, want %s", got, want)
	}
	if s := a.Stats(); s.Aggregated != 2 || s.Overflowed != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestDNSSkips(t *testing.T) {
	a := NewDNS(DNSConfig{Log: true})
	a.Add(query("127.0.0.1:4000", "127.0.0.53:53"))
	a.Add(query("10.0.0.1:0", "10.0.0.2:53"))
	a.Add(query("0.0.0.0:4000", "10.0.0.2:53"))
	if points := append(a.Flush(at), a.Log(at)...); points != nil {
		t.Errorf("got %v, want nothing", points)
	}
	if got, want := a.Stats(), (Stats{SkippedLoopback: 1, SkippedNoPort: 1, SkippedNoAddress: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func BenchmarkDNSAddKnown(b *testing.B) {
	a := NewDNS(DNSConfig{})
	known := make([]*DNS, 4096)
	for i := range known {
		known[i] = query("10.0.0.1:40000", fmt.Sprintf("10.1.%d.%d:53", i/250, i%250+1))
		a.Add(known[i])
	}
	if n := testing.AllocsPerRun(100, func() { a.Add(known[7]) }); n != 0 {
		b.Fatalf("Add of a known flow allocates %v times", n)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a.Add(known[i%len(known)])
	}
}
