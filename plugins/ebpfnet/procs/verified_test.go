package procs

import (
	"flag"
	"testing"

	"datakit.dev/agent/internal/bpf/bpftest"
)

var update = flag.Bool("update", false, "write testdata/verified.txt for this kernel")

// TestVerified: the programs stay as easy to verify as they were.
func TestVerified(t *testing.T) {
	bpftest.Verified(t, *update, nil, loadProcs)
}
