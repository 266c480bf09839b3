//go:build prove

package ingest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	rounds  = 3
	posts   = 1000 // of pointsPerBody points: a million points per round
	clients = 4
)

// result is what one peer needed for a million points.
type result struct {
	cpu     time.Duration
	peakRSS int64
	wall    time.Duration
	wire    int64 // bytes that the sink received
}

// TestIngestAndForward posts a million points to every peer in turn and
// reports CPU-seconds and peak memory. It asserts that every point of ours
// arrived; the costs are information, printed side by side.
func TestIngestAndForward(t *testing.T) {
	bodies := makeBodies(50)
	results := map[string][]result{}
	for range rounds {
		for _, p := range peers() {
			results[p.name] = append(results[p.name], measure(t, p, bodies))
		}
	}
	t.Logf("%-10s %14s %12s %10s %12s", "peer", "CPU-s/Mpoint", "peak RSS MB", "wall s", "sent MB")
	for _, p := range peers() {
		all := results[p.name]
		t.Logf("%-10s %14.2f %12.1f %10.2f %12.1f   (medians of %d)", p.name,
			median(all, func(r result) float64 { return r.cpu.Seconds() }),
			median(all, func(r result) float64 { return float64(r.peakRSS) / 1e6 }),
			median(all, func(r result) float64 { return r.wall.Seconds() }),
			median(all, func(r result) float64 { return float64(r.wire) / 1e6 }), rounds)
	}
}

func median(all []result, of func(result) float64) float64 {
	var values []float64
	for _, r := range all {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// measure runs one peer through one round. The CPU time ends when the sink
// has been silent for a second, so that all forwarding is in it.
func measure(t *testing.T, p peer, bodies [][]byte) result {
	s := newSink(t)
	defer s.Close()
	r := p.run(t, s.URL)
	defer r.stop()
	before := readUsage(t, r.cmd.Process.Pid)

	start := time.Now()
	postAll(t, r, bodies)
	wall := time.Since(start)
	drained(s)
	after := readUsage(t, r.cmd.Process.Pid)

	if p.name == "datakit" && s.points.Load() != posts*pointsPerBody {
		t.Errorf("the sink has %d points, %d were acknowledged", s.points.Load(), posts*pointsPerBody)
	}
	return result{cpu: after.CPU - before.CPU, peakRSS: after.PeakRSS, wall: wall, wire: s.bytes.Load()}
}

// postAll posts every body until posts requests were acknowledged.
func postAll(t *testing.T, r *running, bodies [][]byte) {
	t.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for i := next.Add(1); i <= posts; i = next.Add(1) {
				if err := post(r, bodies[int(i)%len(bodies)]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

func post(r *running, body []byte) error {
	response, err := http.Post(r.url+r.write, "text/plain", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s: %s", r.name, response.Status, text)
	}
	return nil
}

// drained waits until the sink has received nothing for a second.
func drained(s *sink) {
	for last := int64(-1); last != s.bytes.Load(); {
		last = s.bytes.Load()
		time.Sleep(time.Second)
	}
}
