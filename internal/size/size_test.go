package size

import "testing"

func TestParse(t *testing.T) {
	for text, want := range map[string]int64{
		"4GiB": 4294967296, "4gib": 4294967296, "4GB": 4000000000, "1.5M": 1500000, "512K": 512000,
		" 10 MiB ": 10485760, "0KB": 0, "1KiB": 1024, "2g": 2e9,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "4096", "1TiB", "abcMB", "-1MB", "NaNMB", "InfGB", "1e300GB", "MB", "4 GiB/s"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %d, want an error", text, got)
		}
	}
}
