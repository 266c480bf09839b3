package queue

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

// writerEnv names the queue of the process that is to be killed.
const writerEnv = "QUEUE_TEST_WRITER"

// runWriter puts blocks into two categories and reads them, until it is
// killed. It prints a line for every acknowledgement it was given ("put") and
// for every delivery, before ("got") and after ("ack") it acknowledges. The
// bodies follow from the numbers, so the parent can check them.
func runWriter(dir string) int {
	cfg := Config{Dir: dir, SegmentBytes: 64 << 10, SyncInterval: 5 * time.Millisecond}
	if strings.HasSuffix(dir, "sync") {
		cfg.SyncInterval = 0
	}
	q, err := Open(cfg, []string{"fast", "never"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var printing sync.Mutex
	say := func(what string, c point.Category, n uint64) {
		printing.Lock()
		defer printing.Unlock()
		fmt.Printf("%s %s %d\n", what, c, n)
	}
	var workers sync.WaitGroup
	for _, c := range []point.Category{point.Metric, point.Network} {
		workers.Go(func() {
			// The numbers go on where the last process was, and a block that
			// was stored without being acknowledged is not put again.
			j := q.logs[c]
			j.mu.Lock()
			first := j.tail.seq
			j.mu.Unlock()
			for n := first; ; n++ {
				b := numbered(c, n, int(n%7), 100+int(n*n%9000))
				if err := q.Put(context.Background(), b); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				say("put", c, n)
			}
		})
		workers.Go(func() {
			cursor := q.Cursor("fast", c)
			for {
				entries, err := cursor.Next(context.Background(), 64<<10)
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				for _, e := range entries {
					say("got", c, e.Seq)
				}
				last := entries[len(entries)-1].Seq
				cursor.Ack(len(entries))
				say("ack", c, last)
			}
		})
	}
	workers.Wait()
	return 1
}

// witness is what the killed processes had said about one category.
type witness struct {
	put, got, ack uint64 // the highest number of each
	fresh         bool   // a new process, which did not put yet
	resumed       bool   // a new process, which did not get yet
	disorder      string
}

func (w *witness) hear(what string, n uint64) {
	var ok bool
	switch what {
	case "put":
		// A block may have been stored by a process that died before saying so.
		ok = n == w.put+1 || w.fresh && n > w.put
		w.put, w.fresh = n, false
	case "got":
		// A new process goes on behind what is acknowledged, and nothing is
		// acknowledged that was not delivered.
		ok = n == w.got+1 || w.resumed && n > w.ack && n <= w.got
		w.got, w.resumed = n, false
	case "ack":
		ok = n > w.ack && n <= w.got
		w.ack = n
	}
	if !ok && w.disorder == "" {
		w.disorder = fmt.Sprintf("%s %d: %+v", what, n, *w)
	}
}

// Whatever a killed process was promised is there afterwards, in order, and
// only what it had not acknowledged comes twice.
func TestKillInMidWrite(t *testing.T) {
	const rounds = 20
	for _, name := range []string{"interval", "sync"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), name)
			r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
			known := map[string]*witness{"metric": {}, "network": {}}
			for round := range rounds {
				for _, w := range known {
					w.fresh, w.resumed = true, true
				}
				killWriter(t, dir, time.Duration(1+r.IntN(120))*time.Millisecond, known)
				if round%5 == 4 {
					afterKill(t, dir, known)
				}
				if t.Failed() {
					t.Fatalf("in round %d", round)
				}
			}
			t.Logf("heard: metric %+v, network %+v", *known["metric"], *known["network"])
			if known["metric"].put < rounds || known["network"].put < rounds {
				t.Error("the process hardly wrote anything: the test proves nothing")
			}
		})
	}
}

// killWriter runs the writer, kills it after a while and listens to the end.
func killWriter(t *testing.T, dir string, after time.Duration, known map[string]*witness) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), writerEnv+"="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	var timer *time.Timer
	for heard := 0; ; heard++ {
		line, err := lines.ReadString('\n')
		if err != nil { // an unfinished line was not said
			if err != io.EOF {
				t.Error(err)
			}
			break
		}
		if heard == 0 {
			_, err := Open(Config{Dir: dir}, nil)
			wantError(t, err, ErrLocked)
			if want := fmt.Sprintf("by process %d", cmd.Process.Pid); !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want it to say %q", err, want)
			}
			timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
		var what, category string
		var n uint64
		if _, err := fmt.Sscanf(line, "%s %s %d", &what, &category, &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		known[category].hear(what, n)
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("the writer ended by itself: %v\n%s", err, stderr.String())
	}
	for category, w := range known {
		if w.disorder != "" {
			t.Errorf("%s: %s", category, w.disorder)
		}
	}
}

// afterKill reads the queue and compares it with what was heard.
func afterKill(t *testing.T, dir string, known map[string]*witness) {
	t.Helper()
	q := open(t, Config{Dir: dir, SegmentBytes: 64 << 10, SyncInterval: time.Hour}, "fast", "never")
	for category, w := range known {
		c, err := point.ParseCategory(category)
		if err != nil {
			t.Fatal(err)
		}
		entries := ready(t, q.Cursor("never", c))
		if entries[0].Seq != 1 {
			t.Errorf("%s: begins with %d", category, entries[0].Seq)
		}
		q.Cursor("never", c).Rewind()
		last := readAll(t, q.Cursor("never", c), 1)
		if last < w.put {
			t.Errorf("%s: %d was acknowledged, the last block is %d", category, w.put, last)
		}
		j := q.logs[c]
		if next := q.Cursor("fast", c).pos.seq; next <= w.ack || next > j.tail.seq {
			t.Errorf("%s: cursor stands before %d: %d was acknowledged, the last block is %d", category, next, w.ack, last)
		} else {
			readAll(t, q.Cursor("fast", c), next)
		}
	}
	s := q.Stats()
	if s.DamagedRegions != 0 {
		t.Errorf("%d damaged regions after a kill", s.DamagedRegions)
	}
	recount(t, q)
}

// readAll reads to the end without acknowledging, checks every block and the
// order, and returns the last number.
func readAll(t *testing.T, c *Cursor, first uint64) uint64 {
	t.Helper()
	for c.read.seq < c.j.tail.seq {
		for _, e := range ready(t, c) {
			if numberOf(t, e) != first || e.Seq != first || e.Points != int(first%7) {
				t.Fatalf("block %d where %d belongs", e.Seq, first)
			}
			first++
		}
	}
	c.Rewind()
	return first - 1
}
