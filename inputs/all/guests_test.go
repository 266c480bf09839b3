package all

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"datakit.dev/agent/inputs/cpu"
	"datakit.dev/agent/inputs/diskio"
	"datakit.dev/agent/inputs/host_processes"
	"datakit.dev/agent/inputs/hostobject"
	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/inputs/mem"
	netinput "datakit.dev/agent/inputs/net"
	"datakit.dev/agent/inputs/swap"
	"datakit.dev/agent/inputs/system"
	"datakit.dev/agent/internal/mounts"
)

// guest is a tree of a machine with 8 CPUs, see testdata/capture.sh.
type guest struct {
	*testing.T
	dir string
}

// inGuests runs a test with every tree.
func inGuests(t *testing.T, run func(g guest)) {
	trees, err := filepath.Glob("testdata/guests/*")
	if err != nil || len(trees) < 2 {
		t.Fatalf("%d trees, %v", len(trees), err)
	}
	for _, dir := range trees {
		t.Run(filepath.Base(dir), func(t *testing.T) { run(guest{t, dir}) })
	}
}

// text reads a file of the tree.
func (g guest) text(path string) string {
	g.Helper()
	data, err := os.ReadFile(filepath.Join(g.dir, path))
	if err != nil {
		g.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// numbers are the words of a file.
func (g guest) numbers(path string) (all []float64) {
	g.Helper()
	for word := range strings.FieldsSeq(g.text(path)) {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			g.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// number checks one field.
func (g guest) number(r inputtest.Record, key string, want float64) {
	g.Helper()
	if got, ok := r.Number(key); !ok || got != want {
		g.Errorf("%s %v: %s is %v, want %v", r.Measurement, r.Tags, key, got, want)
	}
}

// Each disk, partition and mapped volume against its file stat in /sys
// (Documentation/block/stat.rst of the kernel).
func TestGuestDisks(t *testing.T) {
	inGuests(t, func(g guest) {
		in := inputtest.Build[diskio.Config](g, diskio.Factory(), inputtest.Env(inputtest.Fixture(g.dir), time.Now), nil)
		s := inputtest.Gather(g, in)
		serials := map[string]string{"nvme0n1": "NVME-A-0001", "nvme0n1p1": "NVME-A-0001", "nvme1n1": "NVME-B-0002", "vda": "VIRTIO-A-01", "vdb": "VIRTIO-B-02", "vdc": "unknown", "dm-0": "unknown"}
		for name, serial := range serials {
			r := s.Find(g, "diskio", "name", name)
			if r.Tag("serial") != serial {
				g.Errorf("%s: serial %q, want %q", name, r.Tag("serial"), serial)
			}
			kernel := g.numbers("sys/class/block/" + name + "/stat")
			for i, key := range []string{"reads", "merged_reads", "", "read_time", "writes", "merged_writes", "", "write_time", "iops_in_progress", "io_time", "weighted_io_time"} {
				if key != "" {
					g.number(r, key, kernel[i])
				}
			}
			g.number(r, "read_bytes", kernel[2]*512)
			g.number(r, "write_bytes", kernel[6]*512)
		}
		if len(s.Records) != len(serials) {
			g.Errorf("%d devices, want %d", len(s.Records), len(serials))
		}
	})
}

// The bond and its members are three interfaces; the bond is virtual, so that
// by default nothing is counted twice.
func TestGuestInterfaces(t *testing.T) {
	inGuests(t, func(g guest) {
		for virtual, want := range map[bool][]string{false: {"eth0", "eth1", "eth2"}, true: {"bond0", "eth0", "eth1", "eth2", "lo"}} {
			in := inputtest.Build(g, netinput.Factory(), inputtest.Env(inputtest.Fixture(g.dir), time.Now), func(c *netinput.Config) { c.Virtual = virtual })
			var names []string
			for _, r := range inputtest.Gather(g, in).Records {
				name := r.Tag("interface")
				if name == "all" {
					continue
				}
				names = append(names, name)
				for key, file := range map[string]string{"bytes_recv": "rx_bytes", "bytes_sent": "tx_bytes", "packets_recv": "rx_packets", "packets_sent": "tx_packets"} {
					g.number(r, key, g.numbers("sys/class/net/" + name + "/statistics/" + file)[0])
				}
			}
			if slices.Sort(names); !slices.Equal(names, want) {
				g.Errorf("virtual %v: %q, want %q", virtual, names, want)
			}
		}
	})
}

// The mounts that are left by default are those df lists.
func TestGuestMounts(t *testing.T) {
	inGuests(t, func(g guest) {
		all, err := mounts.Read(inputtest.Fixture(g.dir))
		if err != nil {
			g.Fatal(err)
		}
		filter, err := mounts.NewFilter(mounts.Options{IgnoreTypes: mounts.DefaultIgnoreTypes, IgnoreMountPoints: mounts.DefaultIgnoreMountPoints, OnlyPhysical: true, Merge: true})
		if err != nil {
			g.Fatal(err)
		}
		nodev, err := mounts.NoDevice(inputtest.Fixture(g.dir))
		if err != nil {
			g.Fatal(err)
		}
		var got, want []string
		for _, m := range filter.Select(all, nodev) {
			got = append(got, mounts.DeviceName(inputtest.Fixture(g.dir), m)+" "+m.MountPoint)
		}
		for _, line := range strings.Split(g.text("df"), "\n")[1:] {
			words := strings.Fields(line)
			want = append(want, words[0]+" "+words[5])
		}
		if !slices.Equal(got, want) {
			g.Errorf("got %q, df says %q", got, want)
		}
	})
}

// Memory and swap against the parser of prometheus/procfs and /proc/swaps.
func TestGuestMemory(t *testing.T) {
	inGuests(t, func(g guest) {
		fs, err := procfs.NewFS(filepath.Join(g.dir, "proc"))
		if err != nil {
			g.Fatal(err)
		}
		want, err := fs.Meminfo()
		if err != nil {
			g.Fatal(err)
		}
		env := inputtest.Env(inputtest.Fixture(g.dir), time.Now)
		m := inputtest.Gather(g, inputtest.Build[mem.Config](g, mem.Factory(), env, nil)).Find(g, "mem")
		for key, bytes := range map[string]*uint64{
			"total": want.MemTotalBytes, "free": want.MemFreeBytes, "available": want.MemAvailableBytes, "cached": want.CachedBytes, "buffered": want.BuffersBytes,
			"active": want.ActiveBytes, "inactive": want.InactiveBytes, "slab": want.SlabBytes, "sunreclaim": want.SUnreclaimBytes, "page_tables": want.PageTablesBytes,
			"committed_as": want.CommittedASBytes, "mapped": want.MappedBytes, "shared": want.ShmemBytes, "dirty": want.DirtyBytes, "swap_total": want.SwapTotalBytes,
		} {
			g.number(m, key, float64(*bytes))
		}
		s := inputtest.Gather(g, inputtest.Build[swap.Config](g, swap.Factory(), env, nil)).Find(g, "swap")
		device := strings.Fields(strings.Split(g.text("proc/swaps"), "\n")[1])
		kib, err := strconv.ParseFloat(device[2], 64)
		if err != nil {
			g.Fatal(err)
		}
		g.number(s, "total", kib*1024)
		g.number(s, "used", 0)
	})
}

// Eight CPUs, counted and measured.
func TestGuestCPUs(t *testing.T) {
	inGuests(t, func(g guest) {
		dir := g.TempDir()
		if err := os.CopyFS(dir, os.DirFS(g.dir)); err != nil {
			g.Fatal(err)
		}
		clock := inputtest.NewClock()
		env := inputtest.Env(inputtest.Fixture(dir), clock.Now)
		in := inputtest.Build(g, cpu.Factory(), env, func(c *cpu.Config) { c.PerCPU, c.Load5s = true, false })
		_ = in.Gather(g.Context(), &inputtest.Sink{}) // nothing to compare with
		// Each CPU is idle for one second more, the first also busy for one.
		var later []string
		for line := range strings.Lines(g.text("proc/stat")) {
			words := strings.Fields(line)
			if strings.HasPrefix(words[0], "cpu") {
				cpus := 1.0
				if words[0] == "cpu" {
					cpus = 8
				}
				user, _ := strconv.ParseFloat(words[1], 64)
				idle, _ := strconv.ParseFloat(words[4], 64)
				if words[0] == "cpu" || words[0] == "cpu0" {
					words[1] = strconv.FormatFloat(user+100, 'f', 0, 64)
				}
				words[4] = strconv.FormatFloat(idle+100*cpus, 'f', 0, 64)
			}
			later = append(later, strings.Join(words, " "))
		}
		if err := os.WriteFile(filepath.Join(dir, "proc/stat"), []byte(strings.Join(later, "\n")+"\n"), 0o600); err != nil {
			g.Fatal(err)
		}
		clock.Add(time.Second)
		s := inputtest.Gather(g, in)
		if len(s.Records) != 9 {
			g.Fatalf("%d points, want 9", len(s.Records))
		}
		g.number(s.Find(g, "cpu", "cpu", "cpu0"), "usage_user", 50)
		g.number(s.Find(g, "cpu", "cpu", "cpu7"), "usage_idle", 100)
		g.number(s.Find(g, "cpu", "cpu", "cpu-total"), "usage_user", 100.0/9)
		g.number(inputtest.Gather(g, inputtest.Build[system.Config](g, system.Factory(), env, nil)).Find(g, "system"), "n_cpus", 8)
	})
}

// The host as an object, and its processes, conform and name what is there.
func TestGuestObjects(t *testing.T) {
	inGuests(t, func(g guest) {
		env := inputtest.Env(inputtest.Fixture(g.dir), time.Now)
		host := inputtest.Gather(g, inputtest.Build[hostobject.Config](g, hostobject.Factory(), env, nil)).Find(g, "HOST")
		g.number(host, "num_cpu", 8)
		message := host.Field("message").AsString()
		for _, part := range []string{g.text("proc/sys/kernel/osrelease"), g.text("sys/class/dmi/id/product_name")} {
			if !strings.Contains(message, part) {
				g.Errorf("%s is not in %s", part, message)
			}
		}
		fs, err := procfs.NewFS(filepath.Join(g.dir, "proc"))
		if err != nil {
			g.Fatal(err)
		}
		s := inputtest.Gather(g, inputtest.Build(g, hostprocesses.Factory(), env, func(c *hostprocesses.Config) { c.MinRunTime, c.OpenFiles = 0, false }))
		for _, pid := range []string{"1", "2", g.text("app")} {
			n, _ := strconv.Atoi(pid)
			p, err := fs.Proc(n)
			if err != nil {
				g.Fatal(err)
			}
			stat, err := p.Stat()
			if err != nil {
				g.Fatal(err)
			}
			r := s.Find(g, "host_processes", "name", "test-host_"+pid)
			if r.Tag("process_name") != stat.Comm {
				g.Errorf("%s is called %q, want %q", pid, r.Tag("process_name"), stat.Comm)
			}
			g.number(r, "threads", float64(stat.NumThreads))
			g.number(r, "vms", float64(stat.VSize))
			g.number(r, "page_minor_faults", float64(stat.MinFlt))
		}
	})
}
