package tls

import (
	"debug/elf"
	"errors"
	"testing"
)

// TestGoFunctions compares with the symbols of this binary, which the table
// of functions has to agree with.
func TestGoFunctions(t *testing.T) {
	f, err := elf.Open("/proc/self/exe")
	must(t, err)
	defer f.Close()
	found, memmove, err := goFunctions(f)
	must(t, err)
	if len(found) != 3 || memmove == 0 {
		t.Fatalf("%+v", found)
	}
	symbols, err := f.Symbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		t.Skip("needs a test binary with symbols")
	}
	must(t, err)
	compared := 0
	for _, s := range symbols {
		for _, fn := range found {
			if fn.name != s.Name {
				continue
			}
			compared++
			// The table knows where the next function begins.
			if fn.entry != s.Value || fn.end < s.Value+s.Size || fn.end > s.Value+s.Size+64 {
				t.Errorf("%s is %#x-%#x, want %#x-%#x", fn.name, fn.entry, fn.end, s.Value, s.Value+s.Size)
			}
		}
	}
	if compared != 3 {
		t.Errorf("compared %d symbols", compared)
	}
}

func TestGoMinor(t *testing.T) {
	for _, tt := range []struct {
		version string
		minor   int
		ok      bool
	}{
		{"go1.26.8", 26, true}, {"go1.17", 17, true}, {"go1.9rc2", 9, true}, {"go1.26-custom", 26, true},
		{"devel go1.27-abc", 0, false}, {"go2.1", 0, false}, {"", 0, false},
	} {
		if minor, ok := goMinor(tt.version); minor != tt.minor || ok != tt.ok {
			t.Errorf("%q: %d %v", tt.version, minor, ok)
		}
	}
}
