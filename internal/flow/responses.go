package flow

import (
	"math"
	"time"

	"datakit.dev/agent/internal/point"
)

// latencyBound is one bucket of the opt-in histogram: the exchanges that took
// no longer.
type latencyBound struct {
	most time.Duration
	key  string
}

// latencyBounds are those OpenTelemetry advises for
// http.server.request.duration, and 1 ms before them, because a service next
// door answers faster.
var latencyBounds = [...]latencyBound{
	{time.Millisecond, "latency_le_1ms"},
	{5 * time.Millisecond, "latency_le_5ms"},
	{10 * time.Millisecond, "latency_le_10ms"},
	{25 * time.Millisecond, "latency_le_25ms"},
	{50 * time.Millisecond, "latency_le_50ms"},
	{75 * time.Millisecond, "latency_le_75ms"},
	{100 * time.Millisecond, "latency_le_100ms"},
	{250 * time.Millisecond, "latency_le_250ms"},
	{500 * time.Millisecond, "latency_le_500ms"},
	{750 * time.Millisecond, "latency_le_750ms"},
	{time.Second, "latency_le_1s"},
	{2500 * time.Millisecond, "latency_le_2500ms"},
	{5 * time.Second, "latency_le_5s"},
	{7500 * time.Millisecond, "latency_le_7500ms"},
	{10 * time.Second, "latency_le_10s"},
	{math.MaxInt64, "latency_le_inf"},
}

// responses are the sums of one flow of HTTP.
type responses struct {
	count, read, written uint64
	latency              latency
	buckets              [len(latencyBounds)]uint32 // each for itself; they are written cumulative
	truncated            bool
}

func (r *responses) add(x *HTTP) {
	r.count++
	r.read += x.Read
	r.written += x.Written
	r.truncated = r.truncated || x.Truncated
	if x.Latency < 0 {
		return
	}
	r.latency.add(x.Latency)
	for i := range latencyBounds {
		if x.Latency <= latencyBounds[i].most {
			r.buckets[i]++
			break
		}
	}
}

// latency sums measured latencies.
type latency struct {
	sum, most time.Duration
	measured  int64
}

func (l *latency) add(d time.Duration) {
	l.sum += d
	l.most = max(l.most, d)
	l.measured++
}

// write appends the mean, and the largest if asked for; nothing when nothing
// was measured, because a zero would be taken for a very fast answer.
func (l *latency) write(w *writer, largest bool) {
	if l.measured == 0 {
		return
	}
	w.int("latency", uint64(l.sum)/uint64(l.measured))
	if largest {
		w.int("latency_max", uint64(l.most))
	}
}

// write appends the fields of a flow; k is nil for the overflow.
func (a *HTTPAggregator) write(w *writer, _ *ends, k *request, r *responses) {
	w.int("bytes_read", r.read)
	w.int("bytes_written", r.written)
	w.int("count", r.count)
	if a.latencies {
		var sum uint64
		for i := range latencyBounds {
			sum += uint64(r.buckets[i])
			w.int(latencyBounds[i].key, sum)
		}
	}
	r.latency.write(w, a.latencies)
	if k == nil {
		return
	}
	if k.grpcStatus >= 0 {
		w.int("grpc_status", uint64(k.grpcStatus))
	}
	if k.host != "" {
		w.field("http_host", point.String(k.host))
	}
	w.field("http_version", point.String(k.version))
	w.field("method", point.String(k.method))
	w.field("path", point.String(k.path))
	w.int("status_code", uint64(k.status))
	w.field("truncated", point.Bool(r.truncated))
}
