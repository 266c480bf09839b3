package flow

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestLogOfTransactions(t *testing.T) {
	a := NewDNS(DNSConfig{Config: Config{Tags: map[string]string{"env": "prod", "status": "mine"}}, Log: true})
	a.Add(query("10.0.0.1:40000", "10.0.0.2:53", rcoded(3), took(12)))
	a.Add(query("[fd00::1]:40001", "[fd00::2]:53", timedOut, func(d *DNS) {
		d.Type, d.TCP, d.Direction, d.PID, d.Process, d.Time, d.Netns = 65280, true, Incoming, 0, "", 0, 0
	}))
	later := at.Add(time.Minute)
	points := a.Log(later)
	if len(points) != 2 {
		t.Fatalf("got %d points, want 2", len(points))
	}
	tests := []struct {
		tags   map[string]string
		fields string
		time   time.Time
	}{
		{
			map[string]string{
				"client_ip": "10.0.0.1", "server_ip": "10.0.0.2", "server_port": "53", "transport": "udp", "direction": "outgoing",
				"netns": "NS(4:4026531840)", "process_name": "dig", "status": "info", "env": "prod",
			},
			`client_port=40000i,latency=12000000i,message="A example.com NXDOMAIN in 12ms, udp 10.0.0.1:40000 -> 10.0.0.2:53",` +
				`pid=42i,query_name="example.com",query_type="A",rcode=3i`,
			at,
		}, {
			map[string]string{
				"client_ip": "fd00::1", "server_ip": "fd00::2", "server_port": "53", "transport": "tcp", "direction": "incoming",
				"status": "warning", "env": "prod",
			},
			`client_port=40001i,message="TYPE65280 example.com timeout, tcp [fd00::1]:40001 -> [fd00::2]:53",` +
				`query_name="example.com",query_type="TYPE65280",rcode=-1i`,
			later,
		},
	}
	for i, tt := range tests {
		p := points[i]
		if p.Measurement != DNSLogName || p.Time != tt.time.UnixNano() {
			t.Errorf("%d: %s at %d, want %s at %d", i, p.Measurement, p.Time, DNSLogName, tt.time.UnixNano())
		}
		if got := tagsOf(p); !maps.Equal(got, tt.tags) {
			t.Errorf("%d: tags\n got %v\nwant %v", i, got, tt.tags)
		}
		if got := fieldText(p); got != tt.fields {
			t.Errorf("%d: fields\n got %s\nwant %s", i, got, tt.fields)
		}
	}
	if points := a.Log(at); points != nil {
		t.Errorf("a second call repeats %v", points)
	}
}

// TestLogTimes: packets captured with microseconds may share one, and a log
// line must not replace another.
func TestLogTimes(t *testing.T) {
	a := NewDNS(DNSConfig{Log: true})
	for i := range 3 {
		a.Add(query("10.0.0.1:40000", "10.0.0.2:53"))
		a.Add(query("10.0.0.1:40000", "10.0.0.2:53", func(d *DNS) { d.Time = int64(i+1) * 1000 }))
	}
	seen := map[int64]bool{}
	for _, p := range a.Log(at) {
		seen[p.Time] = true
	}
	for _, want := range []int64{at.UnixNano(), at.UnixNano() + 1, at.UnixNano() + 2, 1000, 2000, 3000} {
		if !seen[want] {
			t.Errorf("no point at %d: %v", want, seen)
		}
	}
}

func TestLogIsBounded(t *testing.T) {
	a := NewDNS(DNSConfig{Log: true, MaxLog: 5})
	for range 2 {
		for range 8 {
			a.Add(query("10.0.0.1:40000", "10.0.0.2:53"))
		}
		if n := len(a.Log(at)); n != 5 {
			t.Errorf("%d lines, want 5", n)
		}
	}
	if s := a.Stats(); s.Logged != 10 || s.LogDropped != 6 || s.Aggregated != 16 {
		t.Errorf("stats %+v, want 10 logged, 6 dropped, 16 counted", s)
	}
}

// TestLogSharesTheFateOfItsFlow: the log is thinned like the flows are.
func TestLogSharesTheFateOfItsFlow(t *testing.T) {
	a := NewDNS(DNSConfig{Config: Config{Sampler: &Sampler{rate: 0.5}}, Log: true})
	for i := range 400 {
		a.Add(query("10.0.0.1:40000", fmt.Sprintf("10.1.%d.%d:53", i/250, i%250+1)))
	}
	servers := func(points []point.Point, tag string) map[string]bool {
		all := map[string]bool{}
		for _, p := range points {
			if rateOf(p) != 0.5 {
				t.Fatalf("a thinned point without its rate: %v", p)
			}
			all[tagsOf(p)[tag]] = true
		}
		return all
	}
	flows, lines := servers(a.Flush(at), "dst_ip"), servers(a.Log(at), "server_ip")
	if len(flows) < 150 || len(flows) > 250 || !maps.Equal(flows, lines) {
		t.Errorf("%d flows and %d lines of 400 are kept, want the same half", len(flows), len(lines))
	}
	if s := a.Stats(); s.Logged+s.LogSampled != 400 || s.Logged != s.Emitted {
		t.Errorf("stats %+v", s)
	}
}

func TestWithoutLog(t *testing.T) {
	a := NewDNS(DNSConfig{})
	a.Add(query("10.0.0.1:40000", "10.0.0.2:53"))
	if points := a.Log(at); points != nil {
		t.Errorf("got %v, want no log", points)
	}
}
