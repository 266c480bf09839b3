//go:build e2e

package e2e

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// On a full disk the agent takes no more, says so to its clients, keeps what
// it has, and goes on when there is room.
func TestDiskFull(t *testing.T) {
	needRoot(t, "a small file system of its own")
	db := newVictoria(t)
	db.start(t)
	g := newGate(t, db.base())
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", home, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("needs a mount of tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(home, 0); err != nil {
			t.Error(err)
		}
	})
	a := newAgent(t, home, influx1("central", g.server.URL))
	t.Cleanup(func() { a.kill() }) // before the unmount
	a.start(t)
	w := newWriter(t, a, "full")
	g.set(status(http.StatusServiceUnavailable))
	w.must(t, 5000)

	filler := filepath.Join(home, "filler")
	fill(t, filler)
	refused := 0
	eventually(t, 30*time.Second, func() (bool, string) {
		code, err := w.post(1000)
		if err != nil {
			refused++
			if code != http.StatusTooManyRequests && code != http.StatusServiceUnavailable {
				t.Errorf("the answer on a full disk is %v", err)
			}
			return refused > 5, ""
		}
		return false, "posts are acknowledged on a full disk"
	})
	a.accounts(t)

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, func() (bool, string) {
		_, err := w.post(1000)
		return err == nil, "posts are refused though there is room"
	})

	fill(t, filler) // killed and started again on a full disk
	before := w.acknowledged()
	a.kill()
	g.set(nil)
	a.start(t)
	w.arrives(t, db, forward())
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.must(t, 5000)
	w.arrives(t, db, forward())
	if w.acknowledged() <= before {
		t.Error("nothing was acknowledged afterwards")
	}
	a.drained(t, "central")
	a.stop()
}

// fill writes a file until the file system is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err == nil {
			continue
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		size /= 2
	}
}
