package queue

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/point"
)

// flip inverts one bit of a file.
func flip(t testing.TB, path string, off int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << (off % 8)
	if _, err := f.WriteAt(b[:], off); err != nil {
		t.Fatal(err)
	}
}

// template makes a stopped queue of five blocks, 10 points each, one segment.
func template(t *testing.T) (dir string, segment []byte) {
	t.Helper()
	dir = memoryDir(t)
	q := open(t, Config{Dir: dir, SyncInterval: time.Hour}, "a", "b")
	for n := range uint64(5) {
		put(t, q, numbered(point.Metric, n+1, 10, 96))
	}
	closeQueue(t, q)
	segment, err := os.ReadFile(segmentPath(dir+"/metric", 1))
	if err != nil {
		t.Fatal(err)
	}
	return dir, segment
}

const templateRecord = headerSize + 104

// restore puts the template back with another segment.
func restore(t *testing.T, dir string, segment []byte) {
	t.Helper()
	files, _ := filepath.Glob(dir + "/metric/*" + segmentSuffix)
	for _, f := range files {
		_ = os.Remove(f)
	}
	_ = os.RemoveAll(dir + "/" + damagedName)
	for _, backend := range []string{"a", "b"} {
		c, err := createCursor(cursorPath(dir+"/metric", backend), position{seq: 1, base: 1})
		if err != nil {
			t.Fatal(err)
		}
		_ = c.f.Close()
	}
	if err := os.WriteFile(segmentPath(dir+"/metric", 1), segment, 0o600); err != nil {
		t.Fatal(err)
	}
}

func quiet(dir string) Config { return Config{Dir: dir, SyncInterval: time.Hour, Log: nil} }

func TestTruncationAtEveryByteOfTheLastRecord(t *testing.T) {
	dir, segment := template(t)
	for size := len(segment) - templateRecord; size < len(segment); size++ {
		restore(t, dir, segment[:size])
		q := open(t, quiet(dir), "a", "b")
		if s := stats(t, q, "a", point.Metric); s.Carried != 40 {
			t.Errorf("cut to %d: %+v", size, s)
		}
		if s := q.Stats(); s.DamagedRegions != 0 || s.TornRecords == 0 && size%templateRecord != 0 {
			t.Errorf("cut to %d: %+v", size, s)
		}
		put(t, q, numbered(point.Metric, 6, 10, 96))
		for _, backend := range []string{"a", "b"} {
			if got := drain(t, q.Cursor(backend, point.Metric)); !slices.Equal(got, []uint64{1, 2, 3, 4, 6}) {
				t.Fatalf("cut to %d: got %v", size, got)
			}
		}
		recount(t, q)
	}
}

func TestBitFlipInEveryByte(t *testing.T) {
	dir, segment := template(t)
	path := segmentPath(dir+"/metric", 1)
	for off := range int64(len(segment)) {
		restore(t, dir, segment)
		flip(t, path, off)
		q := open(t, quiet(dir), "a", "b")
		put(t, q, numbered(point.Metric, 6, 10, 96))

		hit := uint64(off/templateRecord) + 1
		want := slices.DeleteFunc(sequence(1, 6), func(n uint64) bool { return n == hit })
		lost := int64(10)
		if inHeader := off%templateRecord < headerSize; inHeader && hit == 5 {
			lost = 0 // nothing tells any more that there was a record
		}
		for _, backend := range []string{"a", "b"} {
			if got := drain(t, q.Cursor(backend, point.Metric)); !slices.Equal(got, want) {
				t.Fatalf("byte %d: got %v, want %v", off, got, want)
			}
			s := stats(t, q, backend, point.Metric)
			if s.Uploaded != 50 || s.Dropped[Damaged] != lost || s.Queued != 0 {
				t.Errorf("byte %d: %+v", off, s)
			}
		}
		if s := q.Stats(); s.DamagedRegions != 1 || s.DamagedBytes != templateRecord {
			t.Errorf("byte %d: %+v", off, s)
		}
		recount(t, q)
		assertAside(t, dir, templateRecord)
	}
}

// assertAside checks that damaged/ holds one file of that size.
func assertAside(t *testing.T, dir string, size int64) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, damagedName))
	if err != nil || len(files) != 1 {
		t.Fatalf("set aside: %v, %v", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Size() != size {
		t.Errorf("set aside: %v, %v, want %d bytes", info.Size(), err, size)
	}
}

func TestDamageWhileRunning(t *testing.T) {
	for name, hit := range map[string]uint64{"first": 1, "middle": 3, "last": 6} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q := open(t, quiet(dir), "a")
			for n := range uint64(6) {
				put(t, q, numbered(point.Metric, n+1, 10, 96))
			}
			flip(t, segmentPath(dir+"/metric", 1), int64(hit-1)*templateRecord+2) // in the magic
			want := slices.DeleteFunc(sequence(1, 6), func(n uint64) bool { return n == hit })
			if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, want) {
				t.Errorf("got %v", got)
			}
			s := stats(t, q, "a", point.Metric)
			if s.Uploaded != 50 || s.Dropped[Damaged] != 10 || s.LostRecords != 1 || s.Queued != 0 {
				t.Errorf("stats = %+v", s)
			}
			recount(t, q)
		})
	}
}

// Damage waits for what is outstanding before it: a rewind in between must not
// count it twice.
func TestDamageIsCountedOnce(t *testing.T) {
	dir, segment := template(t)
	restore(t, dir, segment)
	flip(t, segmentPath(dir+"/metric", 1), 2*templateRecord+headerSize)
	q := open(t, quiet(dir), "a")
	c := q.Cursor("a", point.Metric)
	for range 3 {
		if n := len(ready(t, c)); n != 2 {
			t.Fatalf("%d entries before the damage", n)
		}
		c.Rewind()
	}
	c.Ack(len(ready(t, c)))
	for range 3 {
		if n := len(ready(t, c)); n != 2 {
			t.Fatalf("%d entries behind the damage", n)
		}
		c.Rewind()
	}
	if s := stats(t, q, "a", point.Metric); s.Uploaded != 20 || s.Dropped[Damaged] != 10 || s.Queued != 20 {
		t.Errorf("stats = %+v", s)
	}
}

func TestSegmentsThatAreGone(t *testing.T) {
	for _, running := range []bool{false, true} {
		for name, gone := range map[string][]int{"first": {0}, "middle": {2, 3}, "last": {-1}, "all": {0, 1, 2, 3, 4, -1}} {
			t.Run(fmt.Sprintf("%s, running %v", name, running), func(t *testing.T) {
				cfg := Config{Dir: memoryDir(t), SegmentBytes: minSegment, SyncInterval: time.Hour}
				q := open(t, cfg, "a")
				putN(t, q, point.Metric, 1, 24, 1000) // four in each segment
				if !running {
					closeQueue(t, q)
				}
				files, _ := filepath.Glob(cfg.Dir + "/metric/*" + segmentSuffix)
				if len(files) != 6 {
					t.Fatalf("%d segments", len(files))
				}
				want := sequence(1, 24)
				for _, i := range gone {
					i = (i + 6) % 6
					if err := os.Remove(files[i]); err != nil {
						t.Fatal(err)
					}
					want = slices.DeleteFunc(want, func(n uint64) bool { return n > uint64(4*i) && n <= uint64(4*i+4) })
				}
				if !running {
					q = open(t, cfg, "a")
				}
				got := drain(t, q.Cursor("a", point.Metric))
				if !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
				s := stats(t, q, "a", point.Metric)
				if lost := int64(24 - len(want)); s.Queued != 0 || running && s.Dropped[Damaged] != lost {
					t.Errorf("stats = %+v", s)
				}
				// And it goes on.
				putN(t, q, point.Metric, 25, 30, 1000)
				if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, sequence(25, 30)) {
					t.Errorf("afterwards: %v", got)
				}
				recount(t, q)
			})
		}
	}
}

// The page cache was lost, but not the cursor: its numbers are not used again.
func TestCursorAheadOfTheRecords(t *testing.T) {
	dir, segment := template(t)
	q := open(t, quiet(dir), "a", "b")
	drain(t, q.Cursor("a", point.Metric))
	closeQueue(t, q)
	if err := os.WriteFile(segmentPath(dir+"/metric", 1), segment[:2*templateRecord+20], 0o600); err != nil {
		t.Fatal(err)
	}
	q = open(t, quiet(dir), "a", "b")
	put(t, q, numbered(point.Metric, 6, 10, 96))
	if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, []uint64{6}) {
		t.Errorf("a got %v", got)
	}
	if got := drain(t, q.Cursor("b", point.Metric)); !slices.Equal(got, []uint64{1, 2, 6}) {
		t.Errorf("b got %v", got)
	}
	if s := stats(t, q, "b", point.Metric); s.Carried != 50 || s.Dropped[Damaged] != 30 {
		t.Errorf("b: %+v", s)
	}
	recount(t, q)
}

func TestGarbageInPlaceOfASegment(t *testing.T) {
	dir, segment := template(t)
	for name, garbage := range map[string][]byte{
		"zeros":              make([]byte, 5000),
		"empty":              {},
		"text":               []byte(strings.Repeat("garbage", 1000)),
		"headers only":       segment[:headerSize-1],
		"another category's": slices.Concat(segment[:5], []byte{99}, segment[6:templateRecord]),
	} {
		t.Run(name, func(t *testing.T) {
			restore(t, dir, garbage)
			q := open(t, quiet(dir), "a", "b")
			put(t, q, numbered(point.Metric, 1, 10, 96))
			if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, sequence(1, 1)) {
				t.Errorf("got %v", got)
			}
			if len(garbage) > 0 {
				assertAside(t, dir, int64(len(garbage)))
			}
			recount(t, q)
		})
	}
}

func TestUnreadablePages(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SyncInterval: time.Hour}
	cfg.file.read = func(f *os.File) io.ReaderAt { return badPage{f, 8192} }
	q := open(t, cfg, "a")
	putN(t, q, point.Metric, 1, 20, 960) // records of 1020 bytes
	got := drain(t, q.Cursor("a", point.Metric))
	if want := append(sequence(1, 8), sequence(14, 20)...); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if s := stats(t, q, "a", point.Metric); s.Dropped[Damaged] != 5 || s.Queued != 0 {
		t.Errorf("stats = %+v", s)
	}
}

// badPage is a file of which one page cannot be read.
type badPage struct {
	r   io.ReaderAt
	bad int64
}

func (b badPage) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= b.bad || off >= b.bad+4096 {
		return b.r.ReadAt(p, off)
	}
	n, _ := b.r.ReadAt(p[:max(0, b.bad-off)], off)
	return n, &os.PathError{Op: "read", Path: "segment", Err: syscall.EIO}
}

func TestCursorFile(t *testing.T) {
	dir := t.TempDir()
	path := cursorPath(dir, "https://example.org/?a=b&c/..")
	if backend, ok := cursorBackend(path); !ok || backend != "https://example.org/?a=b&c/.." || filepath.Dir(path) != dir {
		t.Fatalf("%s is the cursor of %q", path, backend)
	}
	c, err := createCursor(path, position{seq: 1})
	if err != nil {
		t.Fatal(err)
	}
	for n := uint64(2); n <= 10; n++ {
		if err := c.save(position{seq: n, points: 7 * n, base: 1, off: int64(100 * n)}); err != nil {
			t.Fatal(err)
		}
	}
	defer c.f.Close()
	load := func() (position, error) {
		d, p, err := openCursor(path)
		if err == nil {
			_ = d.f.Close()
		}
		return p, err
	}
	want := position{seq: 10, points: 70, base: 1, off: 1000}
	if p, err := load(); err != nil || p != want {
		t.Fatalf("position = %+v, error = %v", p, err)
	}
	newest := int64(c.generation%2) * slotDistance
	for off := range int64(slotSize) {
		flip(t, path, newest+off)
		if p, err := load(); err != nil || p.seq != 9 {
			t.Errorf("byte %d of the newest slot damaged: %+v, %v", off, p, err)
		}
		flip(t, path, newest+off)
	}
	flip(t, path, 20)
	flip(t, path, slotDistance+20)
	_, err = load()
	wantError(t, err, errNoSlot)
}

func TestDamagedCursorBeginsAnew(t *testing.T) {
	dir, _ := template(t)
	for _, off := range []int64{20, slotDistance + 20} {
		flip(t, cursorPath(dir+"/metric", "a"), off)
	}
	q := open(t, quiet(dir), "a", "b")
	for _, backend := range []string{"a", "b"} {
		if got := drain(t, q.Cursor(backend, point.Metric)); !slices.Equal(got, sequence(1, 5)) {
			t.Errorf("%s got %v", backend, got)
		}
	}
	assertAside(t, dir, slotDistance+slotSize)
	recount(t, q)
}

func TestNewerVersions(t *testing.T) {
	dir, segment := template(t)
	newerRecord := slices.Clone(segment)
	reseal(newerRecord[:headerSize])
	tests := map[string]func(t *testing.T){
		"record": func(t *testing.T) { restore(t, dir, newerRecord) },
		"cursor": func(t *testing.T) {
			restore(t, dir, segment)
			slot := putSlot(position{seq: 1}, 9)
			reseal(slot[:])
			f, err := os.OpenFile(cursorPath(dir+"/metric", "a"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(slot[:], slotDistance); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			prepare(t)
			_, err := Open(quiet(dir), []string{"a", "b"})
			wantError(t, err, ErrVersion)
			if !strings.Contains(err.Error(), "version 2, this program knows up to 1") {
				t.Errorf("error = %v", err)
			}
			_, err = Inspect(dir)
			wantError(t, err, ErrVersion)
		})
	}
}

// reseal makes a header or slot one of version 2.
func reseal(b []byte) {
	b[4] = 2
	binary.LittleEndian.PutUint32(b[48:], crc32.Checksum(b[:48], castagnoli))
}

// Next waits in front of damage until what it returned before is decided.
func TestNextWaitsInFrontOfDamage(t *testing.T) {
	dir, segment := template(t)
	restore(t, dir, segment)
	flip(t, segmentPath(dir+"/metric", 1), 2*templateRecord+headerSize)
	synctest.Test(t, func(t *testing.T) {
		q := open(t, quiet(dir), "a", "b")
		defer closeQueue(t, q)
		c := q.Cursor("a", point.Metric)
		first := ready(t, c)
		got := make(chan uint64)
		go func() { got <- numberOf(t, ready(t, c)[0]) }()
		synctest.Wait()
		select {
		case n := <-got:
			t.Errorf("block %d was returned behind undecided ones", n)
		default:
		}
		c.Ack(len(first))
		if n := <-got; n != 4 {
			t.Errorf("got %d, want 4", n)
		}
	})
}
