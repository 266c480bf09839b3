package queue

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLock(t *testing.T) {
	cfg := Config{Dir: memoryDir(t), SyncInterval: time.Hour}
	q := open(t, cfg, "a")
	_, err := Open(cfg, []string{"a"})
	wantError(t, err, ErrLocked)
	if want := fmt.Sprintf("queue is in use by process %d", os.Getpid()); !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want it to say %q", err, want)
	}

	// What a child has that is being forked: the same lock, until it executes.
	child, err := unix.Dup(int(q.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	closeQueue(t, q)
	open(t, cfg, "a")
}

// A lock file that a dead process left, whatever is in it, does not matter.
func TestStaleLock(t *testing.T) {
	for name, content := range map[string]string{"pid": "1\n", "garbage": "\x00\xff", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Dir: memoryDir(t), SyncInterval: time.Hour}
			if err := os.WriteFile(cfg.Dir+"/"+lockName, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			open(t, cfg, "a")
		})
	}
}
