package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"compress/gzip"

	"datakit.dev/agent/internal/point"
)

// noWriter takes bodies and looks at nothing.
type noWriter struct{}

func (noWriter) Lines(context.Context, point.Category, Lines) (int, error) { return benchPoints, nil }

// benchPoints is the number of points of a body; each has 20 tags, 7 fields
// and 561 bytes, as a netflow point of a busy host.
const benchPoints = 1000

func benchBody() []byte {
	var b bytes.Buffer
	for i := range benchPoints {
		start := b.Len()
		b.WriteString("netflow")
		for tag := range 20 {
			fmt.Fprintf(&b, ",tag_number_%02d=value-%d", tag, (i+tag)%10)
		}
		b.WriteString(" bytes_read=1000i,bytes_written=2000i,retransmits=0i,rtt=250i,rtt_var=20i,tcp_closed=1i,tcp_established=1i")
		stamp := fmt.Sprintf(" %d\n", 1_700_000_000_000_000_000+int64(i))
		pad := 561 - (b.Len() - start) - len(stamp) - len(`,s=""`)
		fmt.Fprintf(&b, `,s="%s"%s`, strings.Repeat("x", max(pad, 0)), stamp)
	}
	return b.Bytes()
}

// discard is an http.ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkWriteHandler is the API alone, without the network and without a
// writer: what remains is the copy, or the decompression, of the body.
func BenchmarkWriteHandler(b *testing.B) {
	plain := benchBody()
	packed := compressed(b, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, plain)
	for _, bench := range []struct {
		name, encoding string
		body           []byte
	}{{"plain", "", plain}, {"gzip", "gzip", packed}} {
		b.Run(bench.name, func(b *testing.B) {
			api := newTestAPI(b, testConfig(noWriter{}))
			src := bytes.NewReader(bench.body)
			r := request("POST", "/v1/write/network", "")
			r.Body, r.ContentLength = io.NopCloser(src), int64(len(bench.body))
			r.Header.Set("Content-Encoding", bench.encoding)
			w := &discard{header: http.Header{}}
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(bench.body)
				api.ServeHTTP(w, r)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchPoints, "ns/point")
		})
	}
}

// BenchmarkWriteLoopback posts over a TCP connection. The CPU time is that of
// client and server together.
func BenchmarkWriteLoopback(b *testing.B) {
	api := newTestAPI(b, testConfig(noWriter{}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l, &http.Server{Handler: api}, time.Second) }()
	defer func() { stop(); <-done }()

	body := benchBody()
	client := &http.Client{}
	defer client.CloseIdleConnections()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		reply, err := client.Post("http://"+l.Addr().String()+"/v1/write/network", "", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		reply.Body.Close()
		if reply.StatusCode != 200 {
			b.Fatal(reply.Status)
		}
	}
	b.ReportMetric((cpuTime(b)-before).Seconds()/float64(b.N)/benchPoints*1e6, "cpu-s/Mpoint")
}

// cpuTime is what this process has used, by getrusage(2).
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTap is a block on its way into the queue with nobody watching.
func BenchmarkTap(b *testing.B) {
	sink := NewTap().Wrap(nullSink{})
	block := &point.Block{Category: point.Network, Points: benchPoints, Payload: benchBody()}
	b.ReportAllocs()
	for b.Loop() {
		if err := sink.Put(b.Context(), block); err != nil {
			b.Fatal(err)
		}
	}
}

type nullSink struct{}

func (nullSink) Put(context.Context, *point.Block) error { return nil }
