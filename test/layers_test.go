// Package test holds what the repository promises about itself: its layers,
// what the binaries link, the rules of the house.
package test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers is the table of docs/adr/0002-layers.md: a package imports only
// strictly lower layers. Siblings never import each other; the folders below
// one of these are one room.
var layers = [][]string{
	0: {"internal/point", "filter", "plugins/proto/v1", "internal/hostfs", "internal/backoff", "internal/ledger", "internal/size", "internal/listen"},
	1: {"inputs", "plugins", "internal/config", "internal/queue", "internal/dataway", "internal/containers",
		"internal/process", "internal/procfs", "internal/mounts", "internal/limit", "internal/profiles", "internal/bpf", "internal/flow", "internal/l7", "internal/domains"},
	2: {"internal/feed", "internal/upload", "internal/httpapi", "plugins/rpc", "internal/nettest"},
	3: {"plugins/sdk", "internal/supervisor", "internal/runner"},
	4: {"inputs/*", "plugins/*", "netlog"},
	5: {"inputs/all", "plugins/all"},
	6: {"datakit", "externals/*", "internal/gen"},
	7: {"test"},
}

// locate returns the layer of a package of this module and the room in it;
// -1 when the table does not know it. An exact name beats a star, the longer
// name the shorter.
func locate(path string) (layer int, room string) {
	layer = -1
	for n, rooms := range layers {
		for _, r := range rooms {
			name, star := strings.CutSuffix(r, "/*")
			if star {
				rest, ok := strings.CutPrefix(path, name+"/")
				if !ok {
					continue
				}
				first, _, _ := strings.Cut(rest, "/")
				name += "/" + first
			}
			if path != name && !strings.HasPrefix(path, name+"/") {
				continue
			}
			if !star && (r == "inputs" || r == "plugins") && path != name {
				continue // contracts: no room, the folders below are plugins
			}
			if len(name) > len(room) || len(name) == len(room) && !star {
				layer, room = n, name
			}
		}
	}
	return layer, room
}

func TestLocate(t *testing.T) {
	tests := []struct {
		path  string
		layer int
		room  string
	}{
		{"internal/point", 0, "internal/point"},
		{"internal/bpf/iter", 1, "internal/bpf"},
		{"plugins", 1, "plugins"},
		{"plugins/proto/v1", 0, "plugins/proto/v1"},
		{"plugins/sdk", 3, "plugins/sdk"},
		{"plugins/ebpfnet", 4, "plugins/ebpfnet"},
		{"plugins/ebpfnet/internal/x", 4, "plugins/ebpfnet"},
		{"plugins/all", 5, "plugins/all"},
		{"inputs/cpu", 4, "inputs/cpu"},
		{"externals/datakit-ebpf", 6, "externals/datakit-ebpf"},
		{"internal/utils", -1, ""},
		{"pluginsx", -1, ""},
	}
	for _, tt := range tests {
		if layer, room := locate(tt.path); layer != tt.layer || room != tt.room {
			t.Errorf("%s is layer %d, room %q; want %d, %q", tt.path, layer, room, tt.layer, tt.room)
		}
	}
}

// breaks explains why from must not import to; "" when it may.
func breaks(from, to string) string {
	a, roomA := locate(from)
	b, roomB := locate(to)
	switch {
	case roomA == roomB:
		return ""
	case a == b:
		return "siblings never import each other"
	case a < b:
		return "a package imports only strictly lower layers"
	default:
		return ""
	}
}

func TestBreaks(t *testing.T) {
	tests := []struct {
		from, to string
		ok       bool
	}{
		{"internal/feed", "internal/point", true},
		{"internal/point", "internal/feed", false},
		{"internal/feed", "internal/upload", false},
		{"plugins/ebpfnet", "plugins/ebpfnet/internal/x", true},
		{"plugins/ebpfnet", "plugins/bash", false},
		{"plugins/ebpfnet", "plugins", true},
		{"plugins/all", "plugins/ebpfnet", true},
	}
	for _, tt := range tests {
		if why := breaks(tt.from, tt.to); (why == "") != tt.ok {
			t.Errorf("%s -> %s: %q, allowed should be %v", tt.from, tt.to, why, tt.ok)
		}
	}
}

func TestLayers(t *testing.T) {
	packages := list(t, "./...")
	if len(packages) < 10 {
		t.Fatalf("go list shows %d packages", len(packages))
	}
	used := map[string]bool{}
	for _, p := range packages {
		from, ok := own(p.ImportPath)
		if !ok {
			continue // the root, which holds no code
		}
		layer, room := locate(from)
		if layer < 0 {
			t.Errorf("%s is in no layer: put it into the table", from)
			continue
		}
		used[room] = true
		for _, imported := range p.Imports {
			to, ok := own(imported)
			if !ok {
				continue
			}
			if why := breaks(from, to); why != "" {
				t.Errorf("%s imports %s: %s", from, to, why)
			}
		}
	}
	for _, rooms := range layers {
		for _, r := range rooms {
			if !used[r] && !strings.HasSuffix(r, "/*") {
				t.Errorf("%s is in the table and not in the tree", r)
			}
		}
	}
}

// TestRoomsAreDescribed: whoever looks for a room finds it in both documents.
func TestRoomsAreDescribed(t *testing.T) {
	for _, file := range []string{"README.md", "docs/adr/0002-layers.md"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, rooms := range layers {
			for _, r := range rooms {
				within, _ := strings.CutPrefix(r, "internal/")
				folder := strings.TrimSuffix(r, "*")
				if !slices.ContainsFunc([]string{"`" + r + "`", "`" + within + "`", "`" + folder, "`" + r + "/`"}, func(name string) bool { return strings.Contains(string(text), name) }) {
					t.Errorf("%s does not mention %s", file, r)
				}
			}
		}
	}
}
