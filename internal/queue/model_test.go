package queue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

// model is a queue in memory: what one category must behave like.
type model struct {
	blocks  []modelBlock // all that were put, by number from 1
	cursors map[string]*modelCursor
}

type modelBlock struct{ points, size int }

type modelCursor struct {
	acked, read                     uint64 // blocks before these are done, handed out
	carried, put, uploaded, dropped int64
}

func (m *model) points(first, last uint64) (sum int64) {
	for _, b := range m.blocks[first:last] {
		sum += int64(b.points)
	}
	return sum
}

// check compares the counters of a queue with the model.
func (m *model) check(t *testing.T, q *Queue) {
	t.Helper()
	for backend, want := range m.cursors {
		s := stats(t, q, backend, point.Metric)
		queued := m.points(want.acked, uint64(len(m.blocks)))
		if s.Carried != want.carried || s.Put != want.put || s.Uploaded != want.uploaded || s.Dropped["test"] != want.dropped || s.Queued != queued {
			t.Fatalf("%s: %+v, want %+v and %d queued", backend, s, *want, queued)
		}
	}
}

// Random operations leave the queue in the state of a trivial model, whatever
// their order, over clean restarts and over crashes: for those the files are
// copied while the queue is open, which is what the kernel keeps of a process
// that is killed.
func TestAgainstModel(t *testing.T) {
	eachVariant(t, func(t *testing.T, cfg Config) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 2))
		m := &model{cursors: map[string]*modelCursor{"a": {}, "b": {}}}
		backends := []string{"a", "b"}
		q := open(t, cfg, backends...)
		var history []string
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(strings.Join(history[max(0, len(history)-50):], "; "))
			}
		})
		for range 600 {
			backend := backends[r.IntN(2)]
			c, mc := q.Cursor(backend, point.Metric), m.cursors[backend]
			switch op := r.IntN(100); {
			case op < 40:
				b := modelBlock{points: r.IntN(50), size: r.IntN(3000)}
				history = append(history, fmt.Sprintf("put %d", len(m.blocks)+1))
				put(t, q, numbered(point.Metric, uint64(len(m.blocks)+1), b.points, b.size))
				m.blocks = append(m.blocks, b)
				for _, other := range m.cursors {
					other.put += int64(b.points)
				}
			case op < 65:
				if mc.read == uint64(len(m.blocks)) {
					continue
				}
				entries, err := c.Next(t.Context(), r.IntN(8000))
				if err != nil {
					t.Fatal(err)
				}
				history = append(history, fmt.Sprintf("%s next %d+%d", backend, mc.read+1, len(entries)))
				for _, e := range entries {
					mc.read++
					if n := numberOf(t, e); n != mc.read || e.Points != m.blocks[n-1].points {
						t.Fatalf("%s got block %d, want %d", backend, n, mc.read)
					}
				}
			case op < 85:
				if mc.read == mc.acked {
					continue
				}
				n := uint64(1 + r.IntN(int(mc.read-mc.acked)))
				points := m.points(mc.acked, mc.acked+n)
				mc.acked += n
				if r.IntN(5) == 0 {
					c.Reject(int(n), "test")
					mc.dropped += points
				} else {
					c.Ack(int(n))
					mc.uploaded += points
				}
				history = append(history, fmt.Sprintf("%s ack %d", backend, n))
			case op < 92:
				c.Rewind()
				mc.read = mc.acked
				history = append(history, backend+" rewind")
			case op < 94:
				q.collect(r.IntN(2) == 0)
				history = append(history, "collect")
			default:
				if op < 97 {
					closeQueue(t, q)
					history = append(history, "reopen")
				} else {
					copied := memoryDir(t)
					q.logs[point.Metric].reclaiming.Lock() // a copy is not made in one moment
					copyTree(t, q.cfg.Dir, copied)
					q.logs[point.Metric].reclaiming.Unlock()
					closeQueue(t, q)
					cfg.Dir = copied
					history = append(history, "crash")
				}
				q = open(t, cfg, backends...)
				for _, other := range m.cursors {
					*other = modelCursor{acked: other.acked, read: other.acked}
					other.carried = m.points(other.acked, uint64(len(m.blocks)))
				}
			}
			m.check(t, q)
		}
		for backend, mc := range m.cursors {
			q.Cursor(backend, point.Metric).Rewind()
			if got := drain(t, q.Cursor(backend, point.Metric)); !slices.Equal(got, sequence(mc.acked+1, uint64(len(m.blocks)))) {
				t.Errorf("%s: at the end %v", backend, got)
			}
		}
		recount(t, q)
	})
}
