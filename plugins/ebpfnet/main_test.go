package ebpfnet

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The binary is also the applications whose traffic is observed: processes
// of their own, because owners are part of what is tested.
func TestMain(m *testing.M) {
	if control := os.Getenv(controlEnv); control != "" {
		os.Exit(runApp(control))
	}
	goleak.VerifyTestMain(m)
}
