package procfs

import (
	"path/filepath"
	"testing"
)

// FuzzParse: no text may make a parser panic, and what a parser took once it
// takes again, to the same result, over the memory of the first.
func FuzzParse(f *testing.F) {
	all, _ := filepath.Glob("testdata/*/proc/*")
	more, _ := filepath.Glob("testdata/*/proc/net/*")
	var r Reader
	for _, path := range append(all, more...) {
		if data, err := r.Read(path); err == nil {
			f.Add(append([]byte(nil), data...))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Stat
		if s.Parse(data) == nil {
			first := s.CPUs[0]
			if s.Parse(data) != nil || s.CPUs[0] != first {
				t.Errorf("stat: %+v became %+v", first, s.CPUs[0])
			}
		}
		var m Meminfo
		if m.Parse(data) == nil {
			if u := m.Used(); u > m.Total() {
				t.Errorf("meminfo: %d used of %d", u, m.Total())
			}
		}
		disks := ParseDiskstats(data, nil)
		if again := ParseDiskstats(data, disks[:0]); len(again) != len(disks) {
			t.Errorf("diskstats: %d devices became %d", len(disks), len(again))
		}
		if devs, err := ParseNetDev(data, nil); err == nil {
			if again, err := ParseNetDev(data, devs[:0]); err != nil || len(again) != len(devs) {
				t.Errorf("net/dev: %d interfaces became %d, %v", len(devs), len(again), err)
			}
		}
		_, _ = ParseLoadavg(data)
		_, _ = ParseConntrackStat(data)
		_, _ = ParseFileNr(data)
	})
}
