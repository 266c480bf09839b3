//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// writer posts points with consecutive numbers and remembers which posts were
// acknowledged.
type writer struct {
	measurement string
	url         string
	client      *http.Client
	begin       int64 // timestamp of point 0

	mu     sync.Mutex
	next   int64
	acked  []span
	points int // acknowledged
}

// span is a range of numbers, [from, to).
type span struct{ from, to int64 }

func newWriter(t *testing.T, a *agent, measurement string) *writer {
	t.Helper()
	w := &writer{
		measurement: measurement,
		url:         a.url() + "/v1/write/network?precision=n",
		client:      &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: 20 * time.Second},
		begin:       time.Now().Add(-6 * time.Hour).UnixNano(),
	}
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

// post sends the next n points, a millisecond apart (VictoriaMetrics counts in
// milliseconds), and returns the status, 0 when there was no reply. The
// numbers of a post that was not acknowledged are not used again.
func (w *writer) post(n int64) (status int, err error) {
	w.mu.Lock()
	s := span{w.next, w.next + n}
	w.next = s.to
	w.mu.Unlock()

	var body bytes.Buffer
	for id := s.from; id < s.to; id++ {
		fmt.Fprintf(&body, "%s,src_ip=10.0.0.1,dst_ip=10.0.0.2,direction=outgoing v=%di %d\n", w.measurement, id, w.begin+id*int64(time.Millisecond))
	}
	resp, err := w.client.Post(w.url, "text/plain", &body)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil && resp.StatusCode != http.StatusOK {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, fmt.Errorf("%s: %s", resp.Status, text)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = append(w.acked, s)
	w.points += int(n)
	return resp.StatusCode, nil
}

// must posts n points in bodies of 1,000; each has to be acknowledged.
func (w *writer) must(t *testing.T, n int64) {
	t.Helper()
	for ; n > 0; n -= 1000 {
		if _, err := w.post(min(n, 1000)); err != nil {
			t.Fatalf("post to the agent: %v", err)
		}
	}
}

// acknowledged returns how many points were.
func (w *writer) acknowledged() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.points
}

// missing compares what was acknowledged with what was found. It returns ""
// when all of it is there, and nothing that was never sent.
func (w *writer) missing(found map[int64]int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lost, firstLost := 0, int64(-1)
	for _, s := range w.acked {
		for id := s.from; id < s.to; id++ {
			if found[id] == 0 {
				if lost++; firstLost < 0 {
					firstLost = id
				}
			}
		}
	}
	if lost > 0 {
		return strconv.Itoa(lost) + " of " + strconv.Itoa(w.points) + " acknowledged points are missing, the first is " + strconv.FormatInt(firstLost, 10)
	}
	for id := range found {
		if id < 0 || id >= w.next {
			return "point " + strconv.FormatInt(id, 10) + " was never sent"
		}
	}
	return ""
}

// arrives waits until every acknowledged point is in the database.
func (w *writer) arrives(t *testing.T, db database, within time.Duration) {
	t.Helper()
	eventually(t, within, func() (bool, string) {
		found, err := db.ids(w.measurement)
		if err != nil {
			return false, err.Error()
		}
		if state := w.missing(found); state != "" {
			return false, state
		}
		copies := 0
		for _, n := range found {
			copies += n - 1
		}
		t.Logf("%s: %d points acknowledged, %d arrived, %d copies", w.measurement, w.acknowledged(), len(found), copies)
		return true, ""
	})
}
