package httpapi

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datakit.dev/agent/internal/point"
)

// meter counts what the API does.
type meter struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    [point.Security + 1]prometheus.Counter
	points   [point.Security + 1]prometheus.Counter
}

func newMeter(registry *prometheus.Registry) (*meter, error) {
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "datakit_http_received_bytes_total", Help: "Bytes of posted bodies, decompressed.",
	}, []string{"category"})
	points := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "datakit_http_stored_points_total", Help: "Points of posted bodies that were stored and acknowledged.",
	}, []string{"category"})
	m := &meter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "datakit_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "datakit_http_request_seconds", Help: "Time to answer a request, from its header to the end of the answer.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"route"}),
	}
	for _, c := range point.Categories() {
		m.bytes[c], m.points[c] = bytes.WithLabelValues(c.String()), points.WithLabelValues(c.String())
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, bytes, points} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *meter) received(c point.Category, n int) { m.bytes[c].Add(float64(n)) }
func (m *meter) stored(c point.Category, n int)   { m.points[c].Add(float64(n)) }

// route returns what counts an answer of the route when it is complete.
func (m *meter) route(route string) func(w *statusWriter, start time.Time) {
	seconds := m.seconds.WithLabelValues(route)
	requests := m.requests.MustCurryWith(prometheus.Labels{"route": route})
	ok := requests.WithLabelValues("200")
	return func(w *statusWriter, start time.Time) {
		seconds.Observe(time.Since(start).Seconds())
		if w.status == 200 {
			ok.Inc()
			return
		}
		requests.WithLabelValues(strconv.Itoa(w.status)).Inc()
	}
}
