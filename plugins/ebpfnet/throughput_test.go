//go:build prove

package ebpfnet

import (
	"encoding/json"
	"slices"
	"testing"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/plugins"
)

// TestThroughput runs bulk transfers and keep-alive requests with the TCP
// collector attached and without, in turn, and bulk transfers with all that is
// on by default; it logs the ratio of the medians. It asserts that the load
// was there, not how fast it was. For HTTP see TestHTTPThroughput.
func TestThroughput(t *testing.T) {
	tests := []struct {
		name   string
		start  func(*testing.T, *world) (rate func() float64)
		attach func(*testing.T, *world) (detach func())
	}{
		{"iperf3, Gbit/s", bulkLoad, tcpAlone},
		{"iperf3 and all that is on by default, Gbit/s", bulkLoad, everything},
		{"wrk and nginx, requests/s", requestLoad, tcpAlone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const turns = 11
			w := newWorld(t)
			rate := tt.start(t, w)
			rate()
			var bare, attached, ratio []float64
			for range turns {
				without := rate()
				detach := tt.attach(t, w)
				with := rate()
				detach()
				bare, attached, ratio = append(bare, without), append(attached, with), append(ratio, with/without)
			}
			for _, s := range [][]float64{bare, attached, ratio} {
				slices.Sort(s)
			}
			t.Logf("bare %.6g, attached %.6g; ratio of pairs: median %.3f, %.3f to %.3f",
				bare[turns/2], attached[turns/2], ratio[turns/2], ratio[0], ratio[turns-1])
		})
	}
}

func tcpAlone(t *testing.T, w *world) (detach func()) {
	watch := observe(t, w, func(c *plugins.EBPF) {
		c.L4NetEnabled, c.L7NetEnabled, c.L7NetDisabled = []string{"tcp"}, []string{}, []string{"dnsflow"}
	})
	return func() {
		watch.report()
		must(t, watch.p.Close())
	}
}

func everything(t *testing.T, w *world) (detach func()) {
	stop := whole(t, w)
	return func() {
		if _, lost := stop(); lost != 0 {
			t.Errorf("%d packets lost", lost)
		}
	}
}

func bulkLoad(t *testing.T, w *world) func() float64 {
	nettest.Need(t, "iperf3")
	w.far.Daemon(t, "iperf3", "-s")
	w.far.Listens(t, w.far.addr(false, 5201))
	return func() float64 {
		out := w.near.Run(t, "iperf3", "-c", w.far.V4, "-t", "1", "-J")
		var report struct {
			End struct {
				Received struct {
					Rate float64 `json:"bits_per_second"`
				} `json:"sum_received"`
			} `json:"end"`
		}
		must(t, json.Unmarshal([]byte(out), &report))
		return positive(t, report.End.Received.Rate/1e9)
	}
}

func requestLoad(t *testing.T, w *world) func() float64 {
	nettest.Need(t, "wrk")
	addr := oneWorker(t, w.far, "")
	return func() float64 {
		out := w.near.Run(t, "wrk", "-t1", "-c16", "-d1s", "http://"+addr+"/")
		return positive(t, number(t, wrkRate, out))
	}
}

func positive(t *testing.T, rate float64) float64 {
	t.Helper()
	if rate <= 0 {
		t.Fatal("no load")
	}
	return rate
}
