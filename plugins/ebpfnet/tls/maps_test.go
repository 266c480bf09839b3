package tls

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestReadMaps(t *testing.T) {
	tests := []struct {
		name, maps string
		want       []mapping
	}{
		{"nothing", "", nil},
		{"the code, not the data", `
7f10-7f11 r--p 00000000 08:01 42                         /usr/lib/x86_64-linux-gnu/libssl.so.3
7f11-7f12 r-xp 00001000 08:01 42                         /usr/lib/x86_64-linux-gnu/libssl.so.3
7f12-7f13 rw-p 00002000 08:01 42                         /usr/lib/x86_64-linux-gnu/libssl.so.3
`, []mapping{{"7f11-7f12", "/usr/lib/x86_64-linux-gnu/libssl.so.3"}}},
		{"others", `
55d0-55d1 r-xp 00000000 08:01 7                          /usr/bin/curl
7f11-7f12 r-xp 00001000 08:01 42                         /lib/libgnutls.so.30.34.3
7f13-7f14 r-xp 00001000 08:01 43                         /lib/libc.so.6
7f15-7f16 r-xp 00001000 08:01 44                         /opt/app/libssl-1c2fd.so.1.1
ffff-ffff r-xp 00000000 00:00 0                          [vdso]
7f17-7f18 rwxp 00000000 00:00 0 
`, []mapping{{"7f11-7f12", "/lib/libgnutls.so.30.34.3"}, {"7f15-7f16", "/opt/app/libssl-1c2fd.so.1.1"}}},
		{"deleted, with spaces", "7f11-7f12 r-xp 00001000 08:01 42   /opt/my app/libssl.so.1.1 (deleted)\n",
			[]mapping{{"7f11-7f12", "/opt/my app/libssl.so.1.1"}}},
		{"a folder of that name", "7f11-7f12 r-xp 00001000 08:01 42   /opt/libssl/other.so\n", nil},
		{"cut off", "7f11-7f12 r-xp 00001000 /lib/libssl.so.3", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := readMaps([]byte(tt.maps)); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzReadMaps(f *testing.F) {
	own, err := os.ReadFile("/proc/self/maps")
	must(f, err)
	f.Add(own)
	f.Add([]byte("7f11-7f12 r-xp 00001000 08:01 42 /lib/libssl.so.3 (deleted)\n"))
	f.Fuzz(func(t *testing.T, maps []byte) {
		for _, m := range readMaps(maps) {
			if m.path == "" || m.path[0] != '/' || m.span == "" || strings.Contains(m.span, "/") {
				t.Errorf("%q", m)
			}
		}
	})
}
