package diskio

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs/blockdevice"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
)

const mixed = "testdata/mixed"

func TestSerial(t *testing.T) {
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(mixed), time.Now), nil)
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	for name, want := range map[string]string{
		"sda": "S21H", "dm-0": "unknown", "vda": "overlay7", "vda1": "overlay7", "nvme0n1": "S4EWNX0R", "nvme0n1p1": "S4EWNX0R",
	} {
		if got := got.Find(t, "diskio", "name", name).Tag("serial"); got != want {
			t.Errorf("%s: serial %q, want %q", name, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		want   []string // name serial other tags
	}{
		{"devices", func(c *Config) { c.Devices = []string{"^sd", "^vda$"} }, []string{"sda S21H", "vda overlay7"}},
		{"no serial", func(c *Config) { c.SkipSerial, c.Devices = true, []string{"^sd"} }, []string{"sda"}},
		{"properties", func(c *Config) { c.DeviceTags, c.Devices = []string{"ID_FS_TYPE", "NONE"}, []string{"sda", "dm-0"} },
			[]string{"sda S21H ext4", "dm-0 unknown xfs"}},
		{"names", func(c *Config) {
			c.NameTemplates, c.Devices = []string{"$ID_FS_LABEL", "${DM_VG_NAME}/$DM_LV_NAME"}, []string{"sda", "dm-0"}
		}, []string{"sda S21H", "vg0/data unknown"}},
		{"tags", func(c *Config) { c.Tags, c.Devices = map[string]string{"zone": "a", "name": "mine"}, []string{"sda"} }, []string{"sda S21H a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture(mixed), time.Now), tt.change)
			var got []string
			for _, r := range inputtest.Gather(t, in).Records {
				var values []string
				for _, tag := range r.Tags {
					values = append(values, tag.Value)
				}
				got = append(got, strings.Join(values, " "))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRates(t *testing.T) {
	dir, clock := t.TempDir(), inputtest.NewClock()
	stats := func(lines ...string) {
		if err := os.WriteFile(filepath.Join(dir, "diskstats"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(hostfs.Root{ProcDir: dir, SysDir: dir, RootDir: dir}, clock.Now), nil)
	rates := func() (read, write float64, haveRead, haveWrite bool) {
		t.Helper()
		r := inputtest.Gather(t, in).Find(t, "diskio", "name", "sda")
		read, haveRead = r.Number("read_bytes/sec")
		write, haveWrite = r.Number("write_bytes/sec")
		return read, write, haveRead, haveWrite
	}
	stats("8 0 sda 1 0 100 0 1 0 200 0 0 0 0")
	if _, _, r, w := rates(); r || w {
		t.Error("the first time there is a rate")
	}
	clock.Add(3 * time.Second)
	stats("8 0 sda 2 0 101 0 1 0 200 0 0 0 0")
	if r, w, okR, okW := rates(); r != 512.0/3 || w != 0 || !okR || !okW {
		t.Errorf("rates %v %v", r, w)
	}
	clock.Add(time.Second)
	stats("8 0 sda 2 0 103 0 1 0 100 0 0 0 0")
	if r, _, okR, okW := rates(); r != 1024 || !okR || okW {
		t.Errorf("after a reset of the writes: %v %v %v", r, okR, okW)
	}
	clock.Add(time.Second)
	stats("8 16 sda 2 0 900 0 1 0 900 0 0 0 0")
	if _, _, r, w := rates(); r || w {
		t.Error("another device of the same name has a rate")
	}
}

func TestFields(t *testing.T) {
	clock := inputtest.NewClock()
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(mixed), clock.Now), nil)
	inputtest.Gather(t, in)
	clock.Add(time.Second)
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, true)
	sda := got.Find(t, "diskio", "name", "sda")
	for key, want := range map[string]float64{
		"reads": 100, "merged_reads": 10, "read_bytes": 2000 * 512, "read_time": 500, "writes": 200, "merged_writes": 20,
		"write_bytes": 4000 * 512, "write_time": 900, "iops_in_progress": 2, "io_time": 700, "weighted_io_time": 1400,
	} {
		if v, _ := sda.Number(key); v != want {
			t.Errorf("%s = %v, want %v", key, v, want)
		}
	}
}

// A device that udev describes late, and one that goes away.
func TestDeviceTagsFollowUdev(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(mixed)); err != nil {
		t.Fatal(err)
	}
	built := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), nil)
	in := built.(*input)
	udev := filepath.Join(dir, "root/run/udev/data/b8:0")
	text, err := os.ReadFile(udev)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(udev); err != nil {
		t.Fatal(err)
	}
	if s := inputtest.Gather(t, in).Find(t, "diskio", "name", "sda").Tag("serial"); s != "unknown" {
		t.Errorf("serial %q", s)
	}
	if err := os.WriteFile(udev, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if s := inputtest.Gather(t, in).Find(t, "diskio", "name", "sda").Tag("serial"); s != "S21H" {
		t.Errorf("serial %q", s)
	}
	if len(in.tags.known) != 6 {
		t.Errorf("%d devices known", len(in.tags.known))
	}
	if err := os.WriteFile(filepath.Join(dir, "proc/diskstats"), []byte("8 0 sda 2 0 900 0 1 0 900 0 0 0 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	inputtest.Gather(t, in)
	if len(in.tags.known) != 1 {
		t.Errorf("%d devices known, one is left", len(in.tags.known))
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(hostfs.Root{ProcDir: dir}, time.Now), nil)
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "diskstats"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, inputs.ErrNoData) {
		t.Errorf("a machine without disks: %v", err)
	}
	for key, change := range map[string]func(*Config){
		"devices": func(c *Config) { c.Devices = []string{"("} }, "name_templates": func(c *Config) { c.NameTemplates = []string{"x"} },
		"interval": func(c *Config) { c.Interval = 0 },
	} {
		c := defaults()
		change(c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestAgainstTheMachine compares with prometheus/procfs before and after.
func TestAgainstTheMachine(t *testing.T) {
	fs, err := blockdevice.NewFS("/proc", "/sys")
	if err != nil {
		t.Fatal(err)
	}
	before, err := fs.ProcDiskstats()
	if err != nil {
		t.Fatal(err)
	}
	if len(before) == 0 {
		t.Skip("needs a disk, this machine has none")
	}
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	got := inputtest.Gather(t, in)
	after, err := fs.ProcDiskstats()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Records) != len(before) {
		t.Errorf("%d devices, want %d", len(got.Records), len(before))
	}
	for i, b := range before {
		r, a := got.Find(t, "diskio", "name", b.DeviceName), after[i]
		for key, bounds := range map[string][2]uint64{
			"reads": {b.ReadIOs, a.ReadIOs}, "writes": {b.WriteIOs, a.WriteIOs}, "read_bytes": {512 * b.ReadSectors, 512 * a.ReadSectors},
			"write_bytes": {512 * b.WriteSectors, 512 * a.WriteSectors}, "io_time": {b.IOsTotalTicks, a.IOsTotalTicks},
		} {
			if v, _ := r.Number(key); v < float64(bounds[0]) || v > float64(bounds[1]) {
				t.Errorf("%s %s = %v, want %d to %d", b.DeviceName, key, v, bounds[0], bounds[1])
			}
		}
	}
}

func FuzzParseUdev(f *testing.F) {
	f.Add("S:x\nE:ID_SERIAL=a=b\nE:novalue\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, value := range parseUdev(text) {
			if !strings.Contains(text, "E:"+name+"="+value) {
				t.Errorf("%s=%s is not in the text", name, value)
			}
		}
	})
}

func BenchmarkGather(b *testing.B) {
	in := inputtest.Build[Config](b, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	for b.Loop() {
		if err := in.Gather(b.Context(), &inputtest.Sink{}); err != nil {
			b.Fatal(err)
		}
	}
}
