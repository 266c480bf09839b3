package flow

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"datakit.dev/agent/internal/point"
)

// names is a Domains of a few fixed names.
type names map[string]string

func (n names) Lookup(a netip.Addr) string { return n[a.String()] }

// everything is a configuration that leaves nothing out, and thins a little.
func everything() Config {
	return Config{
		ContainerID: true, MaxFlows: 64, Sampler: &Sampler{rate: 0.999}, IncludeLoopback: true,
		Domains: names{"10.0.0.2": "a.example", "10.0.0.3": "b.example", "10.0.0.4": "c.example", "10.0.0.5": "d.example"},
	}
}

// TestConformance compares what is emitted with what is declared.
func TestConformance(t *testing.T) {
	tests := []struct {
		spec  point.Measurement
		later []string // set by others
		emit  func() []point.Point
	}{
		{Measurement(), []string{"dst_nat_ip", "dst_nat_port", "host"}, func() []point.Point {
			a := New(everything())
			for i := range 100 {
				a.Add(conn("10.0.0.1:4000", fmt.Sprintf("10.0.0.%d:80", i+2)))
			}
			return a.Flush(at)
		}},
		{HTTPMeasurement(), []string{"dst_nat_ip", "dst_nat_port", "host"}, func() []point.Point {
			a := NewHTTP(HTTPConfig{Config: everything(), Host: true, Latencies: true})
			for i := range 100 {
				a.Add(exchange("10.0.0.1:4000", fmt.Sprintf("10.0.0.%d:80", i+2), func(x *HTTP) { x.GRPC = i%2 == 0 }))
			}
			return a.Flush(at)
		}},
		{DNSMeasurement(), []string{"host"}, func() []point.Point {
			a := NewDNS(DNSConfig{Config: everything()})
			for i := range 100 {
				a.Add(query("10.0.0.1:4000", fmt.Sprintf("10.0.0.%d:53", i+2)))
			}
			return a.Flush(at)
		}},
		{DNSLogMeasurement(), []string{"host"}, func() []point.Point {
			a := NewDNS(DNSConfig{Config: everything(), Log: true})
			for i := range 100 {
				a.Add(query("10.0.0.1:4000", fmt.Sprintf("10.0.0.%d:53", i+2)))
			}
			return a.Log(at)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.spec.Name, func(t *testing.T) { conforms(t, &tt.spec, tt.later, tt.emit()) })
	}
}

func conforms(t *testing.T, spec *point.Measurement, later []string, points []point.Point) {
	t.Helper()
	seen := map[string]point.Kind{}
	for _, p := range points {
		if p.Measurement != spec.Name {
			t.Fatalf("a point of %q", p.Measurement)
		}
		for _, tag := range p.Tags {
			seen[tag.Key] = 0
		}
		for _, f := range p.Fields {
			seen[f.Key] = f.Value.Kind()
		}
		for _, tag := range spec.Tags {
			if !tag.Optional && tagsOf(p)[tag.Key] == "" {
				t.Fatalf("a point without the tag %s, which is not optional", tag.Key)
			}
		}
		for _, f := range spec.Fields {
			if !f.Optional && !slices.ContainsFunc(p.Fields, func(g point.Field) bool { return g.Key == f.Key }) {
				t.Fatalf("a point without the field %s, which is not optional", f.Key)
			}
		}
		point.AppendLine(nil, &p, spec.Category, nil, func(w point.Warning) {
			t.Errorf("breaks a rule of points: %v", w)
		})
	}
	for _, tag := range spec.Tags {
		_, ok := seen[tag.Key]
		if !ok && !slices.Contains(later, tag.Key) {
			t.Errorf("tag %s is declared and never emitted", tag.Key)
		}
		delete(seen, tag.Key)
		if tag.Help == "" {
			t.Errorf("tag %s has no help", tag.Key)
		}
	}
	for _, f := range spec.Fields {
		if kind := seen[f.Key]; kind != f.Kind {
			t.Errorf("field %s has kind %d, declared %d", f.Key, kind, f.Kind)
		}
		delete(seen, f.Key)
		if f.Help == "" || strings.TrimSpace(f.Help) != f.Help {
			t.Errorf("field %s: help %q", f.Key, f.Help)
		}
	}
	for key := range seen {
		t.Errorf("%s is emitted and not declared", key)
	}
}
