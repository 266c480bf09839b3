package test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the committed lists")

// TestGuards: what a binary must never link, as prefixes of import paths.
func TestGuards(t *testing.T) {
	tests := []struct {
		main      string
		forbidden []string
		except    []string
	}{
		{
			// The agent needs no privilege and holds no kernel code.
			main: "./datakit",
			forbidden: []string{"github.com/cilium/ebpf", "github.com/containerd", "k8s.io", module + "/plugins/", module + "/netlog",
				module + "/internal/bpf"},
			except: []string{module + "/plugins/proto/v1", module + "/plugins/rpc"},
		},
		{
			// The privileged process opens no port, keeps no queue, starts nothing.
			main: "./externals/datakit-ebpf",
			forbidden: []string{module + "/inputs", module + "/internal/queue", module + "/internal/upload",
				module + "/internal/httpapi", module + "/internal/supervisor"},
		},
		{
			main: "./externals/datakit-container",
			forbidden: []string{"github.com/cilium/ebpf", module + "/inputs", module + "/internal/queue", module + "/internal/upload",
				module + "/internal/httpapi", module + "/internal/supervisor"},
		},
	}
	for _, tt := range tests {
		t.Run(filepath.Base(tt.main), func(t *testing.T) {
			for _, dep := range list(t, tt.main)[0].Deps {
				if slices.ContainsFunc(tt.except, func(p string) bool { return under(dep, p) }) {
					continue
				}
				for _, f := range tt.forbidden {
					if under(dep, f) {
						t.Errorf("%s links %s", tt.main, dep)
					}
				}
				if _, ours := own(dep); ours && strings.HasSuffix(dep, "test") {
					t.Errorf("%s links %s, which is for tests", tt.main, dep)
				}
			}
		})
	}
}

// under reports whether path is prefix or below it; with a prefix that ends
// in a slash only what is below counts.
func under(path, prefix string) bool {
	if strings.HasSuffix(prefix, "/") {
		return strings.HasPrefix(path, prefix)
	}
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// TestDependencies compares the packages of others that each binary links
// with the committed lists, so that a new one is seen in review.
func TestDependencies(t *testing.T) {
	for _, main := range []string{"./datakit", "./externals/datakit-ebpf", "./externals/datakit-container"} {
		name := filepath.Base(main)
		t.Run(name, func(t *testing.T) {
			var lines []string
			for _, p := range list(t, "-deps", main) {
				if _, ours := own(p.ImportPath); !p.Standard && !ours {
					lines = append(lines, p.ImportPath)
				}
			}
			slices.Sort(lines)
			got := strings.Join(lines, "\n") + "\n"

			file := filepath.Join(root, "docs", "deps", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got == string(want) {
				return
			}
			before := strings.Fields(string(want))
			for _, l := range lines {
				if !slices.Contains(before, l) {
					t.Errorf("new: %s", l)
				}
			}
			for _, l := range before {
				if !slices.Contains(lines, l) {
					t.Errorf("gone: %s", l)
				}
			}
			t.Errorf("%s is out of date; if the change is meant: go test ./test -run TestDependencies -update", file)
		})
	}
}
