package process

import (
	"strings"
	"testing"
)

const rest = " S 1 17952 9246 0 -1 4194304 152 0 1 0 0 0 0 0 20 0 1 0 245654 3932160 540 18446744073709551615"

func TestParseStat(t *testing.T) {
	tests := []struct {
		name, data string
		want       stat
		err        string
	}{
		{"plain", "17960 (sed)" + rest, stat{"sed", 245654}, ""},
		{"space", "7 (tmux: server)" + rest, stat{"tmux: server", 245654}, ""},
		{"parentheses", "7 (a) R (b))" + rest, stat{"a) R (b)", 245654}, ""},
		{"line end", "7 (a\nb)" + rest + "\n", stat{"a\nb", 245654}, ""},
		{"no name", "7 sed S 1", stat{}, "no name"},
		{"cut short", "7 (sed) S 1 2", stat{}, "3 fields"},
		{"bad start", "7 (sed)" + strings.Replace(rest, "245654", "x", 1), stat{}, "start time"},
		{"empty", "", stat{}, "no name"},
		{"wrong order", ") (", stat{}, "no name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStat([]byte(tt.data))
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("17960 (sed)" + rest))
	f.Add([]byte("1 (a) b)" + rest))
	f.Add([]byte(") ("))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseStat(data)
		if err == nil && !strings.Contains(string(data), "("+s.name+")") {
			t.Errorf("name %q is not in %q", s.name, data)
		}
	})
}
