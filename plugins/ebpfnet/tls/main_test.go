package tls

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The binary is also the Go programs that are observed.
func TestMain(m *testing.M) {
	if app := os.Getenv(appEnv); app != "" {
		os.Exit(runApp(app))
	}
	goleak.VerifyTestMain(m)
}
