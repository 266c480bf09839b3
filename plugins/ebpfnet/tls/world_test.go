package tls

import (
	"os"
	"testing"

	"datakit.dev/agent/internal/nettest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inodeOf is the number of a host's namespace.
func inodeOf(t testing.TB, h *nettest.Host) uint32 {
	t.Helper()
	return uint32(h.Netns(t).Inode)
}

// emulated reports that the test runs in a guest without hardware support.
func emulated() bool { return os.Getenv("VM") != "" }
