package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func places(t *testing.T, dir string, sections []Section) (all []string) {
	t.Helper()
	for _, s := range sections {
		rel, err := filepath.Rel(dir, s.File)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s:%d", s.Input, rel, s.Line))
	}
	return all
}

func TestLoadDir(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"datakit.conf":               "[logging]",
		"a.conf":                     "# two inputs\n[[inputs.a]]\nx = 1\n\n[[inputs.b]]\n[[inputs.a]]\n",
		"any/where/deep.conf":        "[inputs.c]\n",
		"any/copy-of-a.conf":         "# two inputs\n[[inputs.a]]\nx = 1\n\n[[inputs.b]]\n[[inputs.a]]\n",
		"any/datakit.conf":           "[inputs.d]\n",
		"bad.conf":                   "[[inputs.a]\n",
		"half.conf":                  "[other]\n[inputs.e]\n",
		"host/ebpf.conf.sample":      "[[inputs.sample]]\n",
		"host/x.conf.bak":            "[[inputs.backup]]\n",
		".git/config.conf":           "[[inputs.git]]\n",
		"host/.git/more/config.conf": "[[inputs.git]]\n",
		"host/empty.conf":            "",
	})
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling.conf")); err != nil {
		t.Fatal(err)
	}
	sections, mistakes := LoadDir(dir, noEnv)
	want := []string{"a a.conf:2", "b a.conf:5", "a a.conf:6", "d any/datakit.conf:1", "c any/where/deep.conf:1", "e half.conf:2"}
	if got := places(t, dir, sections); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(mistakes) != 3 {
		t.Fatalf("%v", mistakes)
	}
	if got, want := mistakes[0].Error(), filepath.Join(dir, "bad.conf")+":2: expected end of table array name delimiter ']', but got '\\n' instead"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := mistakes[2].Error(), filepath.Join(dir, "half.conf")+":1: other: unknown table; allowed here is [[inputs.<name>]]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLoadDirMissing(t *testing.T) {
	sections, mistakes := LoadDir(filepath.Join(t.TempDir(), "none"), noEnv)
	if len(sections) != 0 || len(mistakes) != 0 {
		t.Errorf("%v, %v", sections, mistakes)
	}
}

func TestSectionsMayBeInterleaved(t *testing.T) {
	sections, mistakes := ParseSections("f", "\n[inputs.a]\nx = 1\n[inputs.b]\ny = '''\n[inputs.c]\n'''\n[inputs.a.t]\nz = 3\n", noEnv)
	if len(mistakes) > 0 || len(sections) != 2 {
		t.Fatalf("%+v, %v", sections, mistakes)
	}
	want := []Section{
		{Input: "a", File: "f", Line: 2, Text: "[inputs.a]\nx = 1\n\n\n\n\n[inputs.a.t]\nz = 3\n"},
		{Input: "b", File: "f", Line: 4, Text: "[inputs.b]\ny = '''\n[inputs.c]\n'''\n"},
	}
	if !reflect.DeepEqual(sections, want) {
		t.Errorf("got  %+v\nwant %+v", sections, want)
	}
}
