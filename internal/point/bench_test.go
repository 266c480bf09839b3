package point

import (
	"fmt"
	"testing"
)

// netflowPoint builds the point the figures are given for: 20 tags, 7 fields
// and 561 bytes as a line, with values that differ from n to n.
func netflowPoint(n int) Point {
	tags := []Tag{
		{"direction", [...]string{"outgoing", "incoming"}[n&1]},
		{"dst_domain", fmt.Sprintf("svc-%03d.prod.example.com", n%500)},
		{"dst_ip", fmt.Sprintf("10.%d.%d.%d", n%200, n%251, n%13)},
		{"dst_ip_type", "private"},
		{"dst_k8s_namespace", [...]string{"payments", "kube-system", "web"}[n%3]},
		{"dst_k8s_pod_name", fmt.Sprintf("checkout-7d9f8b6c5-%05x", n)},
		{"dst_k8s_service_name", [...]string{"checkout", "cart"}[n%2]},
		{"dst_port", fmt.Sprint(443 + n%7000)},
		{"family", "IPv4"},
		{"host", "node-17.eu-central"},
		{"netns", "NS(4:4026531840)"},
		{"pid", fmt.Sprint(1000 + n*7%30000)},
		{"process_name", [...]string{"nginx", "envoy-proxy", "java", "postgres"}[n&3]},
		{"src_ip", fmt.Sprintf("10.2.%d.%d", n%17, n%250)},
		{"src_ip_type", "private"},
		{"src_k8s_namespace", "frontend"},
		{"src_k8s_pod_name", fmt.Sprintf("gateway-5c9d7f6b8-%05x", n*31)},
		{"src_port", "*"},
		{"sub_source", "K8s"},
		{"transport", "tcp"},
	}
	fields := []Field{
		{"bytes_read", Int(int64(n) * 7919 % 99991)},
		{"bytes_written", Int(int64(n) * 104729 % 1299709)},
		{"retransmits", Int(int64(n % 3))},
		{"rtt", Int(int64(200 + n%9000))},
		{"rtt_var", Int(int64(n % 700))},
		{"tcp_closed", Int(int64(n % 5))},
		{"tcp_established", Int(int64(n % 6))},
	}
	p := Point{Measurement: "netflow", Tags: tags, Fields: fields, Time: 1_700_000_000_000_000_000 + int64(n)}
	// Pad to the size of the figure.
	line, _ := AppendLine(nil, &p, Network, nil, nil)
	const pad = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"
	if missing := 561 - len(line); missing > 0 && missing <= len(pad) {
		p.Tags[1].Value += pad[:missing]
	}
	return p
}

func netflowPoints(n int) []Point {
	points := make([]Point, n)
	for i := range points {
		points[i] = netflowPoint(i)
	}
	return points
}

// netflowBody is the points as a client posts them.
func netflowBody(n int) (body []byte) {
	for _, p := range netflowPoints(n) {
		body, _ = AppendLine(body, &p, Network, nil, nil)
	}
	return body
}

// BenchmarkAppendLine: one netflow point of 561 bytes. Aim: 0.4 µs, 0 allocations.
func BenchmarkAppendLine(b *testing.B) {
	points := netflowPoints(100) // as much as stays in the cache of a core
	for _, bench := range []struct {
		name   string
		global *TagSet
	}{
		{"plain", nil},
		{"global tags", NewTagSet(map[string]string{"host": "other", "cluster_name_k8s": "prod-eu"}, nil)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if i++; i == len(points) {
					i = 0
				}
				dst, _ = AppendLine(dst[:0], &points[i], Network, bench.global, nil)
			}
			b.SetBytes(int64(len(dst)))
		})
		b.Run("Encoder, "+bench.name, func(b *testing.B) {
			e := NewEncoder(Network, bench.global, nil)
			var dst []byte
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if i++; i == len(points) {
					i = 0
				}
				dst, _ = e.Append(dst[:0], &points[i])
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}

// BenchmarkScanner: one line of 561 bytes of a body of 1000 different ones.
// Aim: 0.6 µs, 0 allocations.
func BenchmarkScanner(b *testing.B) {
	body := netflowBody(1000)
	for _, bench := range []struct {
		name     string
		category Category
		splice   bool
	}{
		{"validate", Network, false},
		{"validate and splice", Network, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			global := NewTagSet(map[string]string{"host": "other", "cluster_name_k8s": "prod-eu"}, nil)
			var dst []byte
			var s Scanner
			b.ReportAllocs()
			s.Reset(body, bench.category, Guess)
			for b.Loop() {
				if !s.Next() {
					s.Reset(body, bench.category, Guess)
					dst = dst[:0]
					continue
				}
				if bench.splice {
					dst, _ = s.AppendLine(dst, global, 0, nil)
				}
			}
			if s.Err() != nil {
				b.Fatal(s.Err())
			}
			b.SetBytes(int64(len(body) / 1000))
		})
	}
}
