package queue

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/point"
	"golang.org/x/sys/unix"
)

// tmpfs mounts a small file system.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	for name, cfg := range variants() {
		t.Run(name, func(t *testing.T) {
			mount := tmpfs(t, "size=2m")
			cfg.Dir = mount + "/queue"
			q := open(t, cfg, "a", "b")
			c := q.Cursor("a", point.Metric)

			var n uint64
			for {
				err := q.Put(t.Context(), numbered(point.Metric, n+1, 1, 10_000))
				if err == nil {
					n++
					continue
				}
				wantError(t, err, ErrStorage)
				wantError(t, err, syscall.ENOSPC)
				break
			}
			if n < 100 {
				t.Fatalf("full after %d blocks", n)
			}
			if s := stats(t, q, "a", point.Metric); s.Put != int64(n) || s.Queued != int64(n) || s.Bytes != q.Stats().Bytes {
				t.Errorf("after the failure: %+v", s)
			}
			// The positions can still be saved, and the queue opens again.
			c.Ack(len(ready(t, c)[:1]))
			c.Rewind()
			closeQueue(t, q)
			q = open(t, cfg, "a", "b")
			if s := stats(t, q, "a", point.Metric); s.Carried != int64(n)-1 || q.Stats().TornRecords != 0 {
				t.Errorf("after reopening: %+v", s)
			}
			wantError(t, q.Put(t.Context(), numbered(point.Metric, n+1, 1, 10_000)), ErrStorage)

			if err := unix.Mount("tmpfs", mount, "tmpfs", unix.MS_REMOUNT, "size=4m"); err != nil {
				t.Fatal(err)
			}
			putN(t, q, point.Metric, n+1, n+50, 10_000)
			if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, sequence(2, n+50)) {
				t.Errorf("after there was space again: %v", got)
			}
			recount(t, q)
		})
	}
}

func TestDamageOnAFullDisk(t *testing.T) {
	mount := tmpfs(t, "size=2m")
	cfg := Config{Dir: mount, SyncInterval: time.Hour}
	q := open(t, cfg, "a")
	putN(t, q, point.Metric, 1, 3, 1000)
	closeQueue(t, q)
	flip(t, segmentPath(mount+"/metric", 1), 1500)
	if err := os.WriteFile(mount+"/filler", make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the file system is not full: %v", err)
	}
	q = open(t, cfg, "a")
	if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, []uint64{1, 3}) {
		t.Errorf("got %v", got)
	}
}

func TestMinFree(t *testing.T) {
	cfg := Config{Dir: tmpfs(t, "size=2m"), SyncInterval: time.Hour, SegmentBytes: 64 << 10, MinFree: 1 << 20}
	q := open(t, cfg, "a")
	var err error
	var n uint64
	for err == nil {
		n++
		err = q.Put(t.Context(), numbered(point.Metric, n, 1, 10_000))
	}
	wantError(t, err, ErrStorage)
	free, err := freeBytes(cfg.Dir)
	if err != nil || free > 1<<20 || free < 1<<20-100<<10 {
		t.Errorf("%d bytes are free: %v", free, err)
	}
	drain(t, q.Cursor("a", point.Metric))
	q.collect(false)
	putN(t, q, point.Metric, n, n, 10_000)
}

// failing makes operations fail while it is set.
type failing struct{ err atomic.Pointer[error] }

func (f *failing) set(err error) { f.err.Store(&err) }
func (f *failing) get() error {
	if e := f.err.Load(); e != nil {
		return *e
	}
	return nil
}

func TestFailedWritesLeaveNothing(t *testing.T) {
	tests := map[string]struct{ write, cut error }{
		"short write, no space":         {syscall.ENOSPC, nil},
		"I/O error":                     {syscall.EIO, nil},
		"the rest cannot be cut either": {syscall.EIO, syscall.EIO},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			eachVariant(t, func(t *testing.T, cfg Config) {
				var write, cut failing
				cfg.file.write = func(f *os.File, head, payload []byte, off int64) error {
					if err := write.get(); err != nil {
						// All but the last byte, the worst there is.
						_ = writeRecord(f, head, payload[:len(payload)-1], off)
						return err
					}
					return writeRecord(f, head, payload, off)
				}
				cfg.file.cut = func(f *os.File, size int64) error {
					if err := cut.get(); err != nil {
						return err
					}
					return f.Truncate(size)
				}
				q := open(t, cfg, "a")
				for n := uint64(1); n <= 20; n++ {
					write.set(test.write)
					cut.set(test.cut)
					accepted := false
					b := numbered(point.Metric, n, 1, 500)
					b.Accepted = func() { accepted = true }
					err := q.Put(t.Context(), b)
					wantError(t, err, ErrStorage)
					wantError(t, err, test.write)
					if accepted {
						t.Error("a block that failed was accepted")
					}
					write.set(nil)
					putN(t, q, point.Metric, n, n, 500)
				}
				if s := q.Stats(); s.WriteErrors != 20 || stats(t, q, "a", point.Metric).Put != 20 {
					t.Errorf("stats = %+v", s)
				}
				closeQueue(t, q)
				q = open(t, cfg, "a")
				if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, sequence(1, 20)) {
					t.Errorf("got %v", got)
				}
				recount(t, q)
			})
		})
	}
}

func TestFailedSyncIsNotAcknowledged(t *testing.T) {
	var sync failing
	cfg := Config{Dir: t.TempDir()}
	cfg.file.sync = func(f *os.File) error { return errors.Join(sync.get(), f.Sync()) }
	q := open(t, cfg, "a")
	putN(t, q, point.Metric, 1, 1, 100)
	sync.set(syscall.EIO)
	wantError(t, q.Put(t.Context(), numbered(point.Metric, 2, 1, 100)), ErrStorage)
	if s := stats(t, q, "a", point.Metric); s.Put != 1 || s.Queued != 1 || q.Stats().SyncErrors != 1 {
		t.Errorf("stats = %+v", s)
	}
	sync.set(nil)
	putN(t, q, point.Metric, 3, 3, 100)
	if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, []uint64{1, 3}) {
		t.Errorf("got %v", got)
	}
	recount(t, q)
}

func TestOneSyncServesManyWriters(t *testing.T) {
	var syncs atomic.Int64
	started, proceed := make(chan bool), make(chan bool)
	var once sync.Once
	cfg := Config{Dir: t.TempDir()}
	cfg.file.sync = func(f *os.File) error {
		syncs.Add(1)
		once.Do(func() { started <- true; <-proceed })
		return f.Sync()
	}
	q := open(t, cfg, "a")
	const writers = 10
	var group sync.WaitGroup
	group.Go(func() { putN(t, q, point.Metric, 1, 1, 100) })
	<-started
	for n := range uint64(writers - 1) {
		group.Go(func() { putN(t, q, point.Metric, n+2, n+2, 100) })
	}
	written := func() int {
		q.logs[point.Metric].writing.Lock()
		defer q.logs[point.Metric].writing.Unlock()
		return len(q.logs[point.Metric].pending)
	}
	for written() < writers {
		time.Sleep(time.Millisecond) // for the goroutines above, none of which can go on
	}
	if s := stats(t, q, "a", point.Metric); s.Put != 0 {
		t.Errorf("%d blocks are visible before any sync", s.Put)
	}
	proceed <- true
	group.Wait()
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d syncs for %d writers, want 2", n, writers)
	}
}

func TestSyncInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syncs atomic.Int64
		cfg := Config{Dir: t.TempDir(), SyncInterval: time.Second}
		cfg.file.sync = func(f *os.File) error { syncs.Add(1); return f.Sync() }
		q := open(t, cfg, "a")
		defer closeQueue(t, q)
		for n := range uint64(100) { // over 10 seconds
			putN(t, q, point.Metric, n, n, 100)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour) // a quiet queue does nothing
		synctest.Wait()
		if n := syncs.Load(); n < 9 || n > 11 {
			t.Errorf("%d syncs in 10 s, want one per second", n)
		}
	})
}

// A sync that fails in the background loses no promise: the segment is given
// up, what it holds is still delivered, and the next block begins another.
func TestFailedBackgroundSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sync failing
		cfg := Config{Dir: t.TempDir(), SyncInterval: time.Second}
		cfg.file.sync = func(f *os.File) error { return errors.Join(sync.get(), f.Sync()) }
		q := open(t, cfg, "a")
		defer closeQueue(t, q)
		sync.set(syscall.EIO)
		putN(t, q, point.Metric, 1, 3, 100)
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		sync.set(nil)
		putN(t, q, point.Metric, 4, 6, 100)
		if n := q.Stats().SyncErrors; n != 1 {
			t.Errorf("%d sync errors", n)
		}
		if files, err := listSegments(cfg.Dir + "/metric"); len(files) != 2 || err != nil {
			t.Errorf("segments %v, want 2; error = %v", files, err)
		}
		if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, sequence(1, 6)) {
			t.Errorf("got %v", got)
		}
		recount(t, q)
	})
}

// A position that cannot be saved is saved later; until then a restart repeats
// blocks but loses none.
func TestPositionIsSavedLater(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SyncInterval: time.Hour}
	q := open(t, cfg, "a")
	putN(t, q, point.Metric, 1, 4, 100)
	c := q.Cursor("a", point.Metric)
	entries := ready(t, c)

	writable := c.disk.f
	readOnly, err := os.Open(cursorPath(cfg.Dir+"/metric", "a"))
	if err != nil {
		t.Fatal(err)
	}
	c.disk.f = readOnly
	c.Ack(2)
	if n := q.Stats().CursorErrors; n != 1 {
		t.Errorf("%d cursor errors", n)
	}
	copied := t.TempDir()
	copyTree(t, cfg.Dir, copied)
	c.disk.f = writable
	_ = readOnly.Close()
	c.Ack(len(entries) - 3)
	closeQueue(t, q)

	for dir, first := range map[string]uint64{copied: 1, cfg.Dir: 4} {
		q := open(t, Config{Dir: dir, SyncInterval: time.Hour}, "a")
		if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, sequence(first, 4)) {
			t.Errorf("got %v, want from %d", got, first)
		}
	}
}

func TestReadErrorsAreReturnedAndPass(t *testing.T) {
	var read failing
	cfg := Config{Dir: t.TempDir(), SyncInterval: time.Hour}
	cfg.file.read = func(f *os.File) io.ReaderAt {
		if err := read.get(); err != nil {
			return brokenReader{err}
		}
		return f
	}
	q := open(t, cfg, "a")
	putN(t, q, point.Metric, 1, 4, 100)
	read.set(syscall.ENOMEM)
	_, err := q.Cursor("a", point.Metric).Next(t.Context(), 1000)
	wantError(t, err, ErrStorage)
	wantError(t, err, syscall.ENOMEM)
	read.set(nil)
	if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, sequence(1, 4)) {
		t.Errorf("got %v", got)
	}
}
