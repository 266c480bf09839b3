//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binEnv names the folder with the binaries under test.
const binEnv = "E2E_BIN"

// TestMain builds the binaries, unless E2E_BIN names a folder that holds them
// (datakit and externals/datakit-ebpf).
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if n := os.Getenv(holdEnv); n != "" {
		if err := hold(n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	if os.Getenv(binEnv) == "" {
		dir, err := os.MkdirTemp("", "datakit-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		for out, pkg := range map[string]string{"datakit": "./datakit", "externals/datakit-ebpf": "./externals/datakit-ebpf"} {
			build := exec.Command("go", "build", "-o", filepath.Join(dir, out), pkg)
			build.Dir = filepath.Join("..", "..")
			if text, err := build.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "build %s: %v\n%s", pkg, err, text)
				return 1
			}
		}
		if err := os.Setenv(binEnv, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// binary returns the path of a binary under test.
func binary(name string) string { return filepath.Join(os.Getenv(binEnv), name) }

// full reports whether the tests run at full length.
func full() bool { return proving || os.Getenv("E2E_FULL") == "1" }

// pick returns short, or long in a full run.
func pick[T any](short, long T) T {
	if full() {
		return long
	}
	return short
}
