package procfs

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestStatOfOldKernels(t *testing.T) {
	var s Stat
	// Before 2.6.33 there is no guest_nice, before 2.6.11 no steal.
	if err := s.Parse([]byte("cpu  10 1 5 100 2 0 3\ncpu0 10 1 5 100 2 0 3\nbtime 7\n")); err != nil {
		t.Fatal(err)
	}
	if s.CPUs[0].Total() != 121 || s.Online() != 1 || s.BootTime != 7 {
		t.Errorf("%+v", s)
	}
	// Guests are part of user and nice already.
	if err := s.Parse([]byte("cpu  10 1 5 100 2 0 3 4 9 1\ncpu3 10 1 5 100 2 0 3 4 9 1\n")); err != nil {
		t.Fatal(err)
	}
	if s.CPUs[0].Total() != 125 || s.CPUs[1].Name != "cpu3" || s.BootTime != 0 {
		t.Errorf("%+v", s)
	}
}

func TestBadText(t *testing.T) {
	tests := map[string]func() error{
		"stat without cpu":      func() error { return new(Stat).Parse([]byte("ctxt 1\n")) },
		"stat with a short cpu": func() error { return new(Stat).Parse([]byte("cpu 1 2 3\n")) },
		"meminfo of nothing":    func() error { return new(Meminfo).Parse(nil) },
		"loadavg of two":        func() error { _, err := ParseLoadavg([]byte("0.1 0.2")); return err },
		"net/dev cut":           func() error { _, err := ParseNetDev([]byte("eth0: 1 2 3"), nil); return err },
		"nf_conntrack empty":    func() error { _, err := ParseConntrackStat(nil); return err },
		"nf_conntrack no hex":   func() error { _, err := ParseConntrackStat([]byte("found\nxyz\n")); return err },
		"file-nr of two":        func() error { _, err := ParseFileNr([]byte("1 2")); return err },
	}
	for name, parse := range tests {
		if err := parse(); err == nil || !strings.HasPrefix(err.Error(), "read ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestMemory(t *testing.T) {
	tests := []struct {
		name, text                    string
		total, available, used, dirty uint64
	}{
		{"as the kernel estimates", "MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable: 60 kB\nDirty: 3 kB\n", 100, 60, 40, 3},
		{"before 3.14", "MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 20 kB\n", 100, 35, 65, 0},
		{"more available than there is", "MemTotal: 100 kB\nMemAvailable: 120 kB\n", 100, 100, 0, 0},
	}
	for _, tt := range tests {
		var m Meminfo
		if err := m.Parse([]byte(tt.text)); err != nil {
			t.Fatal(err)
		}
		if m.Total() != tt.total<<10 || m.Available() != tt.available<<10 || m.Used() != tt.used<<10 || m.value("Dirty") != tt.dirty<<10 {
			t.Errorf("%s: %+v", tt.name, m)
		}
	}
}

func TestNetDevNames(t *testing.T) {
	// Linux before 2.6 put no space behind the colon; an alias holds one.
	got, err := ParseNetDev([]byte("eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n eth0:9: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"), nil)
	one := NetDev{"eth0", 1, 2, 3, 4, 9, 10, 11, 12}
	two := one
	two.Name = "eth0:9"
	if err != nil || !reflect.DeepEqual(got, []NetDev{one, two}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUint(t *testing.T) {
	tests := map[string]struct {
		want uint64
		ok   bool
	}{
		"0": {0, true}, "18446744073709551615": {math.MaxUint64, true},
		"18446744073709551616": {}, "99999999999999999999": {}, "": {}, "-1": {}, "1x": {}, "0x1": {},
	}
	for text, want := range tests {
		got, ok := Uint([]byte(text))
		if ok != want.ok || ok && got != want.want {
			t.Errorf("%q: %d %v", text, got, ok)
		}
	}
}

func TestDiskstatsColumns(t *testing.T) {
	// 11 columns until 4.17, then 15 with discards, from 5.5 on 17 with
	// flushes; a partition of 2.4 and early 2.6 had 4.
	const text = `   8       0 sda 25354637 34367663 1003346126 18492372 28444756 11134226 505697032 63877960 0 9653880 82621804
   8       1 sda1 250 0 2000 36
 259       0 nvme0n1 47114 4 4643973 21650 1078320 43950 39451633 1011053 0 222766 1032546 1 2 3 4
 253       0 dm-0 59910002 0 1003337218 46229572 39231014 0 505696880 1158557800 3 11325968 1206301256 0 0 0 0 7 8
`
	got := ParseDiskstats([]byte(text), nil)
	want := []DiskStat{
		{8, 0, "sda", 25354637, 34367663, 1003346126, 18492372, 28444756, 11134226, 505697032, 63877960, 0, 9653880, 82621804},
		{259, 0, "nvme0n1", 47114, 4, 4643973, 21650, 1078320, 43950, 39451633, 1011053, 0, 222766, 1032546},
		{253, 0, "dm-0", 59910002, 0, 1003337218, 46229572, 39231014, 0, 505696880, 1158557800, 3, 11325968, 1206301256},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
