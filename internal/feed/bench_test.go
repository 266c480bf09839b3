package feed

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// sink takes blocks and forgets them.
type sink struct{ payload int64 }

func (s *sink) Put(_ context.Context, b *point.Block) error {
	s.payload = int64(len(b.Payload))
	b.Accepted()
	return nil
}

// netflow returns points of about 560 bytes as a line: 20 tags, 7 fields.
func netflow(n int) []point.Point {
	pts := make([]point.Point, n)
	for i := range pts {
		p := point.Point{Measurement: "netflow", Time: 1_700_000_000_000_000_000 + int64(i)}
		p.Tags = []point.Tag{
			{Key: "direction", Value: [...]string{"outgoing", "incoming"}[i&1]},
			{Key: "dst_domain", Value: fmt.Sprintf("svc-%03d.prod.example.com", i%500)},
			{Key: "dst_ip", Value: fmt.Sprintf("10.%d.%d.%d", i%200, i%251, i%13)},
			{Key: "dst_ip_type", Value: "private"},
			{Key: "dst_k8s_namespace", Value: [...]string{"payments", "kube-system", "web"}[i%3]},
			{Key: "dst_k8s_pod_name", Value: fmt.Sprintf("checkout-7d9f8b6c5-%05x", i*7919%0xfffff)},
			{Key: "dst_k8s_service_name", Value: [...]string{"checkout", "cart"}[i%2]},
			{Key: "dst_port", Value: fmt.Sprint(443 + i*31%7000)},
			{Key: "family", Value: "IPv4"},
			{Key: "host", Value: "node-17.eu-central"},
			{Key: "netns", Value: "NS(4:4026531840)"},
			{Key: "pid", Value: fmt.Sprint(1000 + i*7%30000)},
			{Key: "process_name", Value: [...]string{"nginx", "envoy-proxy", "java", "postgres"}[i&3]},
			{Key: "src_ip", Value: fmt.Sprintf("10.2.%d.%d", i%17, i%250)},
			{Key: "src_ip_type", Value: "private"},
			{Key: "src_k8s_namespace", Value: "frontend"},
			{Key: "src_k8s_pod_name", Value: fmt.Sprintf("gateway-5c9d7f6b8-%05x", i*104729%0xfffff)},
			{Key: "src_port", Value: "*"},
			{Key: "sub_source", Value: "K8s"},
			{Key: "transport", Value: "tcp"},
		}
		for k, f := range []string{"bytes_read", "bytes_written", "retransmits", "rtt", "rtt_var", "tcp_closed", "tcp_established"} {
			p.Fields = append(p.Fields, point.Field{Key: f, Value: point.Int(int64(i*7919*(k+1)) % 1_299_709)})
		}
		pts[i] = p
	}
	return pts
}

func newBenchFeed(b *testing.B, cfg Config) *Feed {
	cfg.Name, cfg.Out, cfg.Book = "bench", &sink{}, &ledger.Book{}
	cfg.Tags = map[string]string{"cluster_name_k8s": "prod-eu"}
	f, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := f.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return f
}

// cpu is the processor time of the process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report gives the processor seconds per million points and the rest of the
// figures per point.
func report(b *testing.B, before time.Duration, points int) {
	b.ReportMetric((cpu()-before).Seconds()*1e6/float64(points), "cpu-s/Mpoint")
}

// BenchmarkLines: a body of 1000 netflow points of 561 bytes, validated,
// spliced, compressed and handed to a sink that does nothing.
func BenchmarkLines(b *testing.B) {
	var body []byte
	for _, p := range netflow(1000) {
		body, _ = point.AppendLine(body, &p, point.Network, nil, nil)
	}
	for _, bench := range []struct {
		name string
		cfg  Config
	}{
		{"gzip-1", Config{}},
		{"gzip-6", Config{Level: 6}},
		{"zstd-1", Config{Encoding: point.Zstd}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			f := newBenchFeed(b, bench.cfg)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			before, n := cpu(), 0
			for b.Loop() {
				got, err := f.Lines(b.Context(), point.Network, Lines{Body: body, Precision: point.Nanosecond})
				if err != nil {
					b.Fatal(err)
				}
				n += got
			}
			report(b, before, n)
			b.ReportMetric(float64(len(body))/float64(f.cfg.Out.(*sink).payload), "ratio")
		})
	}
}

// BenchmarkFeed: 1000 netflow points of a collector, to the same sink. The
// points are made outside of the time that counts.
func BenchmarkFeed(b *testing.B) {
	f := newBenchFeed(b, Config{})
	pts := netflow(1000)
	b.ReportAllocs()
	before, n := cpu(), 0
	for b.Loop() {
		for i := range pts {
			pts[i].Time++ // no twins of the round before
		}
		if err := f.Feed(b.Context(), point.Network, pts); err != nil {
			b.Fatal(err)
		}
		n += len(pts)
	}
	report(b, before, n)
}

// BenchmarkScanAndSplice is what Lines costs without compression.
func BenchmarkScanAndSplice(b *testing.B) {
	var body []byte
	for _, p := range netflow(1000) {
		body, _ = point.AppendLine(body, &p, point.Network, nil, nil)
	}
	f := newBenchFeed(b, Config{})
	w := f.workers.take()
	defer f.workers.put(w)
	w.pack = func(out *bytes.Buffer, _ []byte) { out.WriteByte(0) }
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, _, err := f.scan(w, point.Network, Lines{Body: body}); err != nil {
			b.Fatal(err)
		}
	}
}
