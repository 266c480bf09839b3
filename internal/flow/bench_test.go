package flow

import (
	"fmt"
	"testing"
)

func BenchmarkAddKnown(b *testing.B) {
	a := New(Config{})
	conns := make([]Conn, 4096)
	for i := range conns {
		conns[i] = conn("10.0.0.1:40000", fmt.Sprintf("10.1.%d.%d:80", i/250, i%250+1))
		a.Add(conns[i])
	}
	if n := testing.AllocsPerRun(100, func() { a.Add(conns[7]) }); n != 0 {
		b.Fatalf("Add of a known flow allocates %v times", n)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a.Add(conns[i%len(conns)])
	}
}

// BenchmarkFlush is one interval of 10,000 flows: added and reported.
func BenchmarkFlush(b *testing.B) {
	const flows = 10000
	a := New(Config{Tags: map[string]string{"env": "prod"}})
	conns := make([]Conn, flows)
	for i := range conns {
		conns[i] = conn("10.0.0.1:40000", fmt.Sprintf("10.1.%d.%d:80", i/250, i%250+1))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range conns {
			a.Add(c)
		}
		if n := len(a.Flush(at)); n != flows {
			b.Fatalf("%d points", n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/flows, "ns/flow")
}
