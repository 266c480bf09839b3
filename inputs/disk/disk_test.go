package disk

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/mounts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const node = "testdata/node"

// sizes answers statfs below the root of the fixture.
func sizes(path string) (mounts.Usage, error) {
	switch strings.TrimPrefix(path, node+"/root") {
	case "":
		return mounts.Usage{Total: 1000, Used: 450, Free: 500, Files: 8_000_000, FFree: 5_500_000}, nil
	case "/var/lib/data base":
		return mounts.Usage{Total: 2000, Used: 100, Free: 1900, Files: 10, FFree: 5}, nil
	case "/pool":
		return mounts.Usage{Total: 3000, Used: 1, Free: 2999}, nil // btrfs counts no inodes
	case "/mnt/again":
		return mounts.Usage{}, nil
	case "/mnt/nfs":
		return mounts.Usage{}, unix.EACCES
	}
	return mounts.Usage{}, unix.EIO
}

func build(t *testing.T, statfs func(string) (mounts.Usage, error), change func(*Config)) *input {
	t.Helper()
	cfg := defaults()
	if change != nil {
		change(cfg)
	}
	in, err := newInput(cfg, inputtest.Env(inputtest.Fixture(node), time.Now), statfs)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestGather(t *testing.T) {
	got := inputtest.Gather(t, build(t, sizes, nil))
	inputtest.Conforms(t, Factory().Spec, got.Records, true)
	if len(got.Records) != 3 {
		t.Errorf("%d points, want 3: %+v", len(got.Records), got.Records)
	}
	// The prefix of the host's root is not part of the tag; /dev/root is resolved.
	root := got.Find(t, "disk", "mount_point", "/", "device", "/dev/nvme0n1p2", "fstype", "ext4")
	for key, want := range map[string]float64{
		"total": 1000, "used": 450, "free": 500, "used_percent": 100 * 450.0 / 950,
		"inodes_total": 8_000_000, "inodes_free": 5_500_000, "inodes_used": 2_500_000, "inodes_used_percent": 31.25,
		"inodes_total_mb": 8, "inodes_free_mb": 5, "inodes_used_mb": 2,
	} {
		if v, ok := root.Number(key); !ok || v != want {
			t.Errorf("%s = %v, want %v", key, v, want)
		}
	}
	got.Find(t, "disk", "mount_point", "/var/lib/data base", "device", "/dev/mapper/vg0-data")
	if _, ok := got.Find(t, "disk", "mount_point", "/pool").Number("inodes_total"); ok {
		t.Error("btrfs counts no inodes")
	}
}

func TestOptions(t *testing.T) {
	got := inputtest.Gather(t, build(t, sizes, func(c *Config) {
		c.OnlyPhysical, c.ExcludeDevice, c.Tags = true, []string{"/DEV/sdb1"}, map[string]string{"zone": "a"}
	}))
	got.Find(t, "disk", "zone", "a")
	if len(got.Records) != 2 {
		t.Errorf("%d points", len(got.Records))
	}
	for key, change := range map[string]func(*Config){
		"ignore_fstypes": func(c *Config) { c.IgnoreFSTypes = "(" }, "ignore_mountpoints": func(c *Config) { c.IgnoreMountPoints = "[" },
		"interval": func(c *Config) { c.Interval = 0 }, "timeout": func(c *Config) { c.Timeout = 0 },
	} {
		c := defaults()
		change(c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// A dead mount is reported; the others are measured.
func TestDeadMount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alive := make(chan struct{})
		in := build(t, func(path string) (mounts.Usage, error) {
			if strings.HasSuffix(path, "/mnt/nfs") {
				<-alive
			}
			return mounts.Usage{Total: 1, Free: 1}, nil
		}, nil)
		for i, want := range []time.Duration{2 * time.Second, 0, 0} {
			s := &inputtest.Sink{}
			began := time.Now()
			err := in.Gather(t.Context(), s)
			if took := time.Since(began); took != want {
				t.Errorf("gathering %d took %s, want %s", i, took, want)
			}
			if !errors.Is(err, mounts.ErrNoAnswer) || !strings.Contains(err.Error(), "/mnt/nfs: no answer within 2s") || len(s.Records) != 4 {
				t.Errorf("gathering %d: %d points, %v", i, len(s.Records), err)
			}
		}
		if pending, missed := in.prober.Stats(); pending != 1 || missed != 3 {
			t.Errorf("%d pending, %d missed", pending, missed)
		}
		close(alive)
		synctest.Wait()
		if got := inputtest.Gather(t, in); len(got.Records) != 5 {
			t.Errorf("%d points after its return", len(got.Records))
		}
	})
}

func TestErrors(t *testing.T) {
	in := build(t, func(string) (mounts.Usage, error) { return mounts.Usage{}, unix.EIO }, nil)
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, unix.EIO) {
		t.Errorf("error %v", err)
	}
	in.env.FS = inputtest.Fixture(t.TempDir())
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestAgainstDf: the same file systems with the same numbers as df shows
// before or after.
func TestAgainstDf(t *testing.T) {
	df := func() string {
		out, err := exec.Command("df", "--block-size=1", "--output=source,target,size,used,avail,itotal,iused,pcent",
			"-x", "tmpfs", "-x", "overlay", "-x", "devtmpfs", "-x", "squashfs").Output()
		if err != nil {
			t.Skipf("df of coreutils does not run: %v", err)
		}
		return string(out)
	}
	in := inputtest.Build(t, Factory(), inputtest.Env(hostfs.Root{}, time.Now), func(c *Config) {
		c.IgnoreFSTypes = strings.Replace(c.IgnoreFSTypes, "(", "(devtmpfs|", 1)
	})
	got := inputtest.Gather(t, in)
	lines := strings.Split(strings.TrimSpace(df()), "\n")[1:]
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	if len(got.Records) != len(lines) || len(lines) == 0 {
		t.Errorf("%d file systems, df shows %d:\n%s", len(got.Records), len(lines), strings.Join(lines, "\n"))
	}
	for _, line := range lines {
		w := strings.Fields(line)
		r := got.Find(t, "disk", "mount_point", w[1])
		n := func(i int) float64 {
			v, err := strconv.ParseFloat(strings.TrimSuffix(w[i], "%"), 64)
			if err != nil && w[i] != "-" {
				t.Fatal(line)
			}
			return v
		}
		// Others write meanwhile.
		for key, want := range map[string]struct{ value, tolerance float64 }{
			"total": {n(2), 0}, "used": {n(3), 1 << 28}, "free": {n(4), 1 << 28}, "inodes_total": {n(5), 0}, "inodes_used": {n(6), 5000},
			"used_percent": {n(7) - 0.5, 1}, // df rounds up
		} {
			if v, _ := r.Number(key); math.Abs(v-want.value) > want.tolerance {
				t.Errorf("%s %s = %v, df says %v", w[1], key, v, want.value)
			}
		}
	}
}

func BenchmarkGather(b *testing.B) {
	in := inputtest.Build[Config](b, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	for b.Loop() {
		if err := in.Gather(b.Context(), &inputtest.Sink{}); err != nil {
			b.Fatal(err)
		}
	}
}
