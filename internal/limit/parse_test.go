package limit

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		cpu, mem, net string
		want          Limits
		mistake       string // the error holds it
	}{
		"nothing":          {"", "", "", Limits{}, ""},
		"sample":           {"2.0", "4GiB", "100MiB/s", Limits{2, 4294967296, 104857600}, ""},
		"lower case":       {"", "4gib", "100MiB/S", Limits{0, 4294967296, 104857600}, ""},
		"powers of 1000":   {"", "4GB", "1.5M", Limits{0, 4000000000, 1500000}, ""},
		"rate without /s":  {"", "512K", "100MiB", Limits{0, 512000, 104857600}, ""},
		"cpu zero is off":  {"0", "", "", Limits{}, ""},
		"blanks":           {" 1 ", " 4 GiB ", " 1MiB /s", Limits{1, 4294967296, 1048576}, ""},
		"mem without unit": {"", "4096", "", Limits{}, "KiB, MiB, GiB"},
		"mem TiB":          {"", "1TiB", "", Limits{}, `mem_limit: "1TiB"`},
		"mem words":        {"", "abcMB", "", Limits{}, "mem_limit: "},
		"mem per second":   {"", "1MB/s", "", Limits{}, "mem_limit: "},
		"mem nothing":      {"", "0MB", "", Limits{}, "mem_limit: "},
		"mem negative":     {"", "-1MB", "", Limits{}, "mem_limit: "},
		"net without unit": {"", "", "100", Limits{}, `net_limit: "100"`},
		"net only /s":      {"", "", "/s", Limits{}, "net_limit: "},
		"cpu words":        {"two", "", "", Limits{}, `cpu_limit: "two" is not a number`},
		"cpu negative":     {"-1", "", "", Limits{}, "cpu_limit: "},
		"cpu NaN":          {"NaN", "", "", Limits{}, "cpu_limit: "},
		"cpu infinite":     {"Inf", "", "", Limits{}, "cpu_limit: "},
		"all wrong":        {"x", "y", "z", Limits{}, "net_limit: "},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.cpu, tc.mem, tc.net)
			if tc.mistake == "" {
				if err != nil || got != tc.want {
					t.Errorf("got %+v, %v; want %+v", got, err, tc.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.mistake) {
				t.Errorf("error is %v, want one with %q", err, tc.mistake)
			}
		})
	}
}
