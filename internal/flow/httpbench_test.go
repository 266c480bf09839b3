package flow

import (
	"fmt"
	"testing"
	"time"
)

// exchange is one outgoing request with its response.
func exchange(local, remote string, change ...func(*HTTP)) *HTTP {
	c := conn(local, remote)
	x := &HTTP{
		Netns: c.Netns, NetnsDev: c.NetnsDev, Local: c.Local, Remote: c.Remote, Direction: Outgoing,
		PID: 42, Process: "curl", Container: "c0ffee",
		Version: "1.1", Method: "GET", Path: "/", Host: "example.com", Status: 200,
		Latency: time.Millisecond, Read: 20, Written: 10,
	}
	for _, f := range change {
		f(x)
	}
	return x
}

// exchanges are n different ones: eight paths to each of n/8 servers.
func exchanges(n int) []*HTTP {
	all := make([]*HTTP, n)
	for i := range all {
		all[i] = exchange("10.0.0.1:40000", fmt.Sprintf("10.1.%d.%d:80", i/8/250, i/8%250+1))
		all[i].Path = fmt.Sprintf("/api/v1/resources/%d", i%8)
	}
	return all
}

func BenchmarkHTTPAddKnown(b *testing.B) {
	routes, err := ParseRoutes([]string{"/api/v1/users/{id}", "/api/v1/users/{id}/orders/{order}", "/static/*", "/healthz"})
	if err != nil {
		b.Fatal(err)
	}
	for name, cfg := range map[string]HTTPConfig{"plain": {}, "routes": {Routes: routes}, "latencies": {Latencies: true}} {
		b.Run(name, func(b *testing.B) {
			a, known := NewHTTP(cfg), exchanges(4096)
			for _, x := range known {
				a.Add(x)
			}
			if n := testing.AllocsPerRun(100, func() { a.Add(known[7]) }); n != 0 {
				b.Fatalf("Add of a known flow allocates %v times", n)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a.Add(known[i%len(known)])
			}
		})
	}
}

// BenchmarkHTTPAddFolded is what a scanner costs: every path is new.
func BenchmarkHTTPAddFolded(b *testing.B) {
	a := NewHTTP(HTTPConfig{MaxPaths: 100})
	paths := exchanges(1)
	many := make([]string, 1<<16)
	for i := range many {
		many[i] = fmt.Sprintf("/%x", i*7919)
	}
	for i := range 1000 {
		paths[0].Path = many[i]
		a.Add(paths[0])
	}
	b.ReportAllocs()
	for i := 1000; b.Loop(); i++ {
		paths[0].Path = many[i%len(many)]
		a.Add(paths[0])
	}
}

// BenchmarkHTTPFlush is one interval of 10,000 flows: added and reported.
func BenchmarkHTTPFlush(b *testing.B) {
	const flows = 10000
	a, all := NewHTTP(HTTPConfig{}), exchanges(flows)
	b.ReportAllocs()
	for b.Loop() {
		for _, x := range all {
			a.Add(x)
		}
		if n := len(a.Flush(at)); n != flows {
			b.Fatalf("%d points", n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/flows, "ns/flow")
}
