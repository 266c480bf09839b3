//go:build e2e

package e2e

import (
	"syscall"
	"testing"
	"time"
)

// TestFirstProcess: in a container the agent is process 1, the parent that
// orphans have elsewhere. Its collector must not take itself for one.
func TestFirstProcess(t *testing.T) {
	needRoot(t, "makes a pid namespace and attaches kernel programs")
	a := newAgent(t, t.TempDir())
	a.collect(t)
	a.process = launchIn(t, syscall.CLONE_NEWPID, binary("datakit"), "run", "--home", a.home)
	a.answers(a.url() + "/v1/ping")
	pid := a.collector(t)
	select {
	case <-a.done:
		t.Fatal("the agent ended")
	case <-time.After(3 * time.Second): // an orphan leaves at once
	}
	if now := a.collector(t); now != pid {
		t.Errorf("the collector was started again: %d, then %d", pid, now)
	}
}
