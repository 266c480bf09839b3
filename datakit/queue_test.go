package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// storedQueue makes a stopped queue of two backends: b1 has had the first
// block of three, b2 nothing.
func storedQueue(t *testing.T, dir string) {
	t.Helper()
	clock := fixedNow()
	q, err := queue.Open(queue.Config{Dir: dir, SyncInterval: time.Hour, Now: func() time.Time { return clock }}, []string{"b1", "b2"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		b := gzipped(t, point.Network, fmt.Sprintf("m,n=%d f=1i 17000000000000000%02d\n", i, i))
		if err := q.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Hour)
	}
	if err := q.Put(t.Context(), gzipped(t, point.Logging, "log message=\"two\nlines\",status=\"info\" 1700000000000000000\n")); err != nil {
		t.Fatal(err)
	}
	cursor := q.Cursor("b1", point.Network)
	if _, err := cursor.Next(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cursor.Ack(1)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t *testing.T, c point.Category, lines string) *point.Block {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, lines); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &point.Block{Category: c, Encoding: point.Gzip, Points: 1, RawBytes: len(lines), Payload: b.Bytes()}
}

// queueHome is a home folder with such a queue.
func queueHome(t *testing.T) (home, dir string) {
	t.Helper()
	home = t.TempDir()
	dir = filepath.Join(home, "data", "queue")
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	storedQueue(t, dir)
	return home, dir
}

func TestQueueInspectOffline(t *testing.T) {
	home, dir := queueHome(t)
	code, out, errOut := cli(t, home, "queue", "inspect", "--json")
	var r queue.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Dir != dir {
		t.Fatal(err, code, errOut, r.Dir)
	}
	r.Dir = "/dk/data/queue"
	var text strings.Builder
	if err := writeQueueReport(&text, fixedNow().Add(5*time.Hour), r); err != nil {
		t.Fatal(err)
	}
	golden(t, "queue-offline.txt", text.String())
	if code, out, errOut := cli(t, home, "queue", "inspect"); code != 0 || !strings.Contains(out, "not in use") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestQueueInspectOnline(t *testing.T) {
	state := httpapi.QueueState{
		Dir: "/dk/data/queue", Bytes: 5 << 20, MaxBytes: 10 << 20, Full: true, DamagedRegions: 1, DamagedBytes: 512,
		Cursors: []httpapi.CursorState{
			{Backend: "b1", Category: "network", Carried: 3, Put: 100, Uploaded: 90, Queued: 8, Bytes: 2048, Oldest: fixedNow(), Dropped: map[string]int64{"queue_full": 4, "damaged": 1}},
			{Backend: "b1", Category: "rum"},
			{Backend: "b2", Category: "network", Put: 100, Uploaded: 100},
		},
	}
	var text strings.Builder
	if err := writeQueueState(&text, fixedNow().Add(time.Minute), state); err != nil {
		t.Fatal(err)
	}
	golden(t, "queue-online.txt", text.String())

	a := startFakeAgent(t, httpapi.State{Queue: state})
	code, out, errOut := cli(t, a.home, "queue", "inspect", "--json")
	var got httpapi.QueueState
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 || len(got.Cursors) != 3 || !got.Full {
		t.Errorf("exit %d, %v, %s: %+v", code, err, errOut, got)
	}
	if code, out, _ := cli(t, a.home, "queue", "inspect"); code != 0 || !strings.Contains(out, "in use by the agent") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestQueuePurge(t *testing.T) {
	home, dir := queueHome(t)
	points := func() (n int64) {
		r, err := queue.Inspect(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range r.Logs {
			for _, b := range l.Backends {
				n += b.Points
			}
		}
		return n
	}
	if n := points(); n != 7 {
		t.Fatalf("%d points are queued, want 7", n)
	}
	code, out, errOut := cli(t, home, "queue", "purge", "--backend", "b1")
	if code != 1 || !strings.Contains(errOut, "repeat with --yes") || points() != 7 {
		t.Errorf("without --yes: exit %d, %q", code, errOut)
	}
	if want := "b1, network: 2 points in 2 blocks would be dropped\nb1, logging: 1 point in 1 block would be dropped\n"; out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	// Blocks were written at 03:04:05, one and two hours later; logging three.
	code, out, errOut = cli(t, home, "queue", "purge", "--category", "network", "--before", "2026-01-02T04:30:00Z", "--yes")
	if want := "b1, network: 1 point in 1 block dropped\nb2, network: 2 points in 2 blocks dropped\n"; code != 0 || out != want || points() != 4 {
		t.Errorf("exit %d %s, %d points left, got\n%swant\n%s", code, errOut, points(), out, want)
	}
	if code, out, _ = cli(t, home, "queue", "purge", "--yes", "--json"); code != 0 || points() != 0 || !json.Valid([]byte(out)) {
		t.Errorf("exit %d, %d points left: %s", code, points(), out)
	}
	if code, out, _ = cli(t, home, "queue", "purge", "--yes"); code != 0 || !strings.HasPrefix(out, "Nothing is queued") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestQueueRepair(t *testing.T) {
	home, dir := queueHome(t)
	if code, out, errOut := cli(t, home, "queue", "repair"); code != 0 || out != "Nothing is damaged.\n" {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "network", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range segments {
		if text, err := os.ReadFile(path); err == nil && !strings.HasSuffix(path, ".cursor") && len(text) > 40 {
			text[len(text)/2] ^= 0xff
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	code, out, errOut := cli(t, home, "queue", "repair", "--json")
	var done queue.Repaired
	if err := json.Unmarshal([]byte(out), &done); err != nil || code != 0 {
		t.Fatalf("exit %d: %v %s", code, err, errOut)
	}
	if done.Regions != 1 || done.Segments != 1 {
		t.Errorf("repaired %+v, want one region in one segment", done)
	}
	if _, out, _ := cli(t, home, "queue", "inspect"); !strings.Contains(out, "set aside before: 1 file,") {
		t.Errorf("after the repair:\n%s", out)
	}
}

// The queue of a running agent cannot be changed.
func TestQueueInUse(t *testing.T) {
	home, dir := queueHome(t)
	q, err := queue.Open(queue.Config{Dir: dir, SyncInterval: time.Hour}, []string{"b1", "b2"})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for _, args := range [][]string{{"repair"}, {"purge", "--yes"}, {"purge"}} {
		code, _, errOut := cli(t, home, append([]string{"queue"}, args...)...)
		if code != 1 || !strings.Contains(errOut, "stop the agent first") {
			t.Errorf("%v: exit %d, %q", args, code, errOut)
		}
	}
}

func TestQueueReplay(t *testing.T) {
	a := startFakeAgent(t, httpapi.State{})
	dir := filepath.Join(t.TempDir(), "queue")
	storedQueue(t, dir)
	a.refuse = []error{queue.ErrStorage} // once: replay waits and comes again
	start := time.Now()
	code, out, errOut := cli(t, a.home, "queue", "replay", "--dir", dir, "--backend", "b1")
	if code != 0 || out != "Replayed 3 points in 3 posts.\n" {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	if time.Since(start) < time.Second {
		t.Error("did not wait as Retry-After said")
	}
	want := []post{
		{point.Network, "m,n=1 f=1i 1700000000000000001\n"}, {point.Network, "m,n=2 f=1i 1700000000000000002\n"},
		{point.Logging, "log message=\"two\nlines\",status=\"info\" 1700000000000000000\n"},
	}
	if fmt.Sprint(a.posted) != fmt.Sprint(want) {
		t.Errorf("posted %v\nwant %v", a.posted, want)
	}
}

func TestQueueReplayFiles(t *testing.T) {
	a := startFakeAgent(t, httpapi.State{})
	dir := filepath.Join(t.TempDir(), "dead")
	store, err := dataway.NewStore(dataway.StoreConfig{Dir: dir, Now: fixedNow})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		b := gzipped(t, point.Network, fmt.Sprintf("m,n=%d f=1i 1700000000000000000\n", i))
		if err := store.Write(b.Category, b.Encoding, b.Points, [][]byte{b.Payload}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Write(point.Logging, point.Identity, 1, [][]byte{[]byte("log message=\"x\" 1700000000000000000\n")}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.lp*"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	code, out, errOut := cli(t, a.home, append([]string{"queue", "replay", "--remove", "--json"}, files...)...)
	if code != 0 || strings.Join(strings.Fields(out), "") != `{"points":3,"posts":2}` {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	want := []post{{point.Logging, "log message=\"x\" 1700000000000000000\n"}, {point.Network, "m,n=0 f=1i 1700000000000000000\nm,n=1 f=1i 1700000000000000000\n"}}
	if fmt.Sprint(a.posted) != fmt.Sprint(want) {
		t.Errorf("posted %v\nwant %v", a.posted, want)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.lp*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestQueueReplayErrors(t *testing.T) {
	a := startFakeAgent(t, httpapi.State{})
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"nothing":       {nil, 2, "want either --dir"},
		"both":          {[]string{"--dir", "x", "f"}, 2, "want either --dir"},
		"filter files":  {[]string{"--backend", "b", "f"}, 2, "select blocks of a queue"},
		"remove queue":  {[]string{"--remove", "--dir", "x"}, 2, "--remove is for files"},
		"before":        {[]string{"--before", "soon", "--dir", "x"}, 2, `--before is "soon"`},
		"category":      {[]string{"--category", "flows", "f"}, 2, `unknown category "flows"`},
		"no category":   {[]string{file("sample.lp", "m f=1 1\n")}, 1, "use --category"},
		"missing":       {[]string{"--category", "metric", "/nonexistent"}, 1, "no such file"},
		"not gzip":      {[]string{file("metric-1.lp.gz", "m f=1 1\n")}, 1, "unexpected EOF"},
		"no lines":      {[]string{file("metric-1.lp", "this is no line protocol")}, 1, "line 1, column 8"},
		"missing queue": {[]string{"--dir", "/nonexistent"}, 1, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errOut := cli(t, a.home, append([]string{"queue", "replay"}, test.args...)...)
			if code != test.code || !strings.Contains(errOut, test.want) {
				t.Errorf("exit %d, %q; want %d, %q", code, errOut, test.code, test.want)
			}
		})
	}
	if len(a.posted) != 0 {
		t.Errorf("posted %v", a.posted)
	}
}

// Pieces end between lines, wherever the reader's chunks and the line breaks
// in strings are, and together are the file.
func TestLinePieces(t *testing.T) {
	var text strings.Builder
	const lines = 200
	for i := range lines {
		fmt.Fprintf(&text, "log,n=%d message=\"a\nlog,x=1 f=1 5\n%s\",status=\"info\" 17000000000000%05d\n", i, strings.Repeat("z", i), i)
	}
	for name, src := range map[string]io.Reader{
		"whole":       strings.NewReader(text.String()),
		"one byte":    iotest.OneByteReader(strings.NewReader(text.String())),
		"data at EOF": iotest.DataErrReader(strings.NewReader(text.String())),
	} {
		t.Run(name, func(t *testing.T) {
			pieces := &linePieces{src: src, category: point.Logging, size: 300}
			var got strings.Builder
			total, n := 0, 0
			for ; ; n++ {
				piece, points, err := pieces.next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				count := 0
				for _, err := range point.Decode(piece, point.Nanosecond) {
					if err != nil {
						t.Fatalf("piece %d: %v\n%s", n, err, piece)
					}
					count++
				}
				if count != points {
					t.Errorf("piece %d has %d points, not %d", n, count, points)
				}
				total += points
				got.Write(piece)
			}
			if got.String() != text.String() || total != lines || n < 10 {
				t.Errorf("%d lines in %d pieces; same text: %v", total, n, got.String() == text.String())
			}
		})
	}
}
