package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReasons: every module that ours requires itself has its reason in the
// table of dependencies, and nothing else stands there.
func TestReasons(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	required := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:\t|require )([a-z][\w.-]*\.[\w./-]+) v\S+$`).FindAllStringSubmatch(read("go.mod"), -1) {
		required[m[1]] = true
	}
	if len(required) < 10 {
		t.Fatalf("go.mod requires %v", required)
	}
	for line := range strings.Lines(read("docs/adr/0001-dependencies.md")) {
		cells := strings.Split(line, " | ")
		if len(cells) < 2 || !strings.Contains(cells[0], ".") {
			continue
		}
		for name := range strings.SplitSeq(strings.TrimPrefix(cells[0], "| "), ", ") {
			if !required[name] {
				t.Errorf("%s has a reason and is not required", name)
			}
			delete(required, name)
		}
	}
	for name := range required {
		t.Errorf("%s is required without a reason in docs/adr/0001-dependencies.md", name)
	}
}
