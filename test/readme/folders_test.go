package readme

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFoldersAreNamed: README.md says of every package below internal, and of
// every folder at the top, what it is for.
func TestFoldersAreNamed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", "internal/"} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := dir + e.Name()
			if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || name == "bin" {
				continue
			}
			if inner, err := os.ReadDir(filepath.Join(root, name)); err == nil && len(inner) == 0 {
				continue // git does not know it
			}
			if !strings.Contains(string(text), "`"+name) {
				t.Errorf("%s is not in README.md", name)
			}
		}
	}
}
