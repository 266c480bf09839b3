package procfs

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"
)

// trees are copies of /proc from several kernels, as a list of folders.
func trees(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*/proc")
	if err != nil || len(all) < 2 {
		t.Fatalf("fixture trees: %v, %v", all, err)
	}
	return all
}

func read(t *testing.T, tree, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(tree, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAgainstPrometheus compares every parser with that of prometheus/procfs,
// which node_exporter uses, on every tree.
func TestAgainstPrometheus(t *testing.T) {
	for _, tree := range trees(t) {
		t.Run(filepath.Base(filepath.Dir(tree)), func(t *testing.T) {
			fs, err := procfs.NewFS(tree)
			if err != nil {
				t.Fatal(err)
			}
			t.Run("stat", func(t *testing.T) { compareStat(t, tree, fs) })
			t.Run("meminfo", func(t *testing.T) { compareMeminfo(t, tree, fs) })
			t.Run("loadavg", func(t *testing.T) {
				got, err := ParseLoadavg(read(t, tree, "loadavg"))
				want, werr := fs.LoadAvg()
				if err != nil || werr != nil || got != (Loadavg{want.Load1, want.Load5, want.Load15}) {
					t.Errorf("%v %v, want %v %v", got, err, want, werr)
				}
			})
			t.Run("net/dev", func(t *testing.T) { compareNetDev(t, tree, fs) })
			t.Run("diskstats", func(t *testing.T) { compareDisks(t, tree) })
			t.Run("nf_conntrack", func(t *testing.T) { compareConntrack(t, tree, fs) })
		})
	}
}

func compareStat(t *testing.T, tree string, fs procfs.FS) {
	var got Stat
	if err := got.Parse(read(t, tree, "stat")); err != nil {
		t.Fatal(err)
	}
	want, err := fs.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if got.BootTime != want.BootTime || got.Online() != len(want.CPU) || got.Online() == 0 {
		t.Errorf("boot %d, %d CPUs; want %d, %d", got.BootTime, got.Online(), want.BootTime, len(want.CPU))
	}
	check := func(got CPUTimes, want procfs.CPUStat) {
		v := want
		for i, seconds := range []float64{v.User, v.Nice, v.System, v.Idle, v.Iowait, v.IRQ, v.SoftIRQ, v.Steal, v.Guest, v.GuestNice} {
			if float64(got.Ticks[i])/100 != seconds {
				t.Errorf("%s: state %d is %d ticks, want %v s", got.Name, i, got.Ticks[i], seconds)
			}
		}
	}
	check(got.CPUs[0], want.CPUTotal)
	for i, c := range got.CPUs[1:] {
		check(c, want.CPU[int64(i)])
	}
}

func compareMeminfo(t *testing.T, tree string, fs procfs.FS) {
	var got Meminfo
	if err := got.Parse(read(t, tree, "meminfo")); err != nil {
		t.Fatal(err)
	}
	want, err := fs.Meminfo()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	v := reflect.ValueOf(want)
	for i, name := range got.names {
		f := v.FieldByName(map[string]string{
			"Committed_AS": "CommittedAS", "HugePages_Total": "HugePagesTotal", "HugePages_Free": "HugePagesFree",
		}[name])
		if !f.IsValid() {
			f = v.FieldByName(name)
		}
		if b := v.FieldByName(strings.ReplaceAll(name, "_", "") + "Bytes"); b.IsValid() {
			f = b // in bytes; the other is as written
		}
		if f.IsValid() && !f.IsNil() {
			compared++
			if f.Elem().Uint() != got.values[i] {
				t.Errorf("%s is %d, want %d", name, got.values[i], f.Elem().Uint())
			}
		}
	}
	if compared < 30 {
		t.Errorf("compared %d entries", compared)
	}
}

func compareNetDev(t *testing.T, tree string, fs procfs.FS) {
	list, err := ParseNetDev(read(t, tree, "net/dev"), nil)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := fs.NetDev()
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]NetDev{}, map[string]NetDev{}
	for _, d := range list {
		got[d.Name] = d
	}
	for _, l := range reference {
		want[l.Name] = NetDev{l.Name, l.RxBytes, l.RxPackets, l.RxErrors, l.RxDropped, l.TxBytes, l.TxPackets, l.TxErrors, l.TxDropped}
	}
	if len(got) == 0 || !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func compareDisks(t *testing.T, tree string) {
	fs, err := blockdevice.NewFS(tree, tree)
	if err != nil {
		t.Fatal(err)
	}
	want, err := fs.ProcDiskstats()
	if err != nil {
		t.Fatal(err)
	}
	got := ParseDiskstats(read(t, tree, "diskstats"), nil)
	if len(got) != len(want) { // some guests have no disk
		t.Fatalf("%d devices, want %d", len(got), len(want))
	}
	for i, w := range want {
		same := DiskStat{
			uint64(w.MajorNumber), uint64(w.MinorNumber), w.DeviceName,
			w.ReadIOs, w.ReadMerges, w.ReadSectors, w.ReadTicks,
			w.WriteIOs, w.WriteMerges, w.WriteSectors, w.WriteTicks,
			w.IOsInProgress, w.IOsTotalTicks, w.WeightedIOTicks,
		}
		if got[i] != same {
			t.Errorf("got  %+v\nwant %+v", got[i], same)
		}
	}
}

func compareConntrack(t *testing.T, tree string, fs procfs.FS) {
	want, err := fs.ConntrackStat()
	if os.IsNotExist(err) {
		t.Skip("the kernel of this tree does not track connections")
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseConntrackStat(read(t, tree, "net/stat/nf_conntrack"))
	if err != nil {
		t.Fatal(err)
	}
	var sum ConntrackStat
	for _, w := range want {
		sum.Found += w.Found
		sum.Invalid += w.Invalid
		sum.Ignore += w.Ignore
		sum.Insert += w.Insert
		sum.InsertFailed += w.InsertFailed
		sum.Drop += w.Drop
		sum.EarlyDrop += w.EarlyDrop
		sum.SearchRestart += w.SearchRestart
	}
	if got != sum {
		t.Errorf("got %+v, want %+v", got, sum)
	}
}
