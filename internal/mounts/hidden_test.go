package mounts

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHiddenByTheKernel mounts as people do by mistake, in a mount namespace
// of its own: only what can be reached is listed.
func TestHiddenByTheKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	dir := t.TempDir()
	done := make(chan struct{})
	go func() { // whose thread ends with it
		defer close(done)
		runtime.LockOSThread()
		if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")); err != nil {
			t.Errorf("make a mount namespace: %v", err)
			return
		}
		for _, m := range []struct{ source, at string }{
			{"BASE", ""}, {"HIDDEN", "a/b"}, {"INSIDE", "a/b/c"}, {"OVER", "a"}, {"LATER", "a/b"}, {"TWICE", "d"}, {"TWICE-AGAIN", "d"}, {"BESIDE", "a\u3000b c"},
		} {
			path := filepath.Join(dir, m.at)
			if err := errors.Join(os.MkdirAll(path, 0o755), unix.Mount(m.source, path, "tmpfs", 0, "size=1m")); err != nil {
				t.Error(err)
				return
			}
		}
		data, err := os.ReadFile("/proc/thread-self/mountinfo")
		if err != nil {
			t.Error(err)
			return
		}
		all, err := parse(data)
		if err != nil {
			t.Error(err)
			return
		}
		want := map[string]string{"": "BASE", "/a": "OVER", "/a/b": "LATER", "/d": "TWICE-AGAIN", "/a\u3000b c": "BESIDE"}
		got := 0
		for _, m := range all {
			at, ours := strings.CutPrefix(m.MountPoint, dir)
			if !ours {
				continue
			}
			if got++; want[at] != m.Source {
				t.Errorf("%q is listed at %q, want %q", m.Source, at, want[at])
			}
		}
		if got != len(want) {
			t.Errorf("%d mounts, want %d", got, len(want))
		}
	}()
	<-done
}
