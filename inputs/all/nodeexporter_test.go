package all

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/nettest"
)

// exporter is a node_exporter with the collectors that match our inputs.
type exporter struct {
	url string
	pid int
}

func startExporter(t testing.TB, more ...string) exporter {
	t.Helper()
	path, err := exec.LookPath("prometheus-node-exporter")
	if err != nil {
		t.Skip("prometheus-node-exporter is missing; on Debian: apt-get install prometheus-node-exporter")
	}
	address := nettest.FreeAddress(t)
	args := []string{"--web.listen-address=" + address, "--collector.disable-defaults", "--web.disable-exporter-metrics",
		"--collector.netdev.device-exclude=^$", "--collector.diskstats.device-exclude=^$"}
	for _, c := range append(more, "cpu", "meminfo", "filesystem", "diskstats", "netdev", "netstat", "loadavg", "stat", "filefd", "conntrack", "pressure", "vmstat") {
		args = append(args, "--collector."+c)
	}
	cmd := exec.Command(path, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	e := exporter{"http://" + address + "/metrics", cmd.Process.Pid}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if resp, err := http.Get(e.url); err == nil {
			resp.Body.Close()
			return e
		} else if time.Now().After(end) {
			t.Fatalf("node_exporter does not answer: %v", err)
		}
	}
}

// scrape returns the samples by name and labels, as they are written.
func (e exporter) scrape(t testing.TB) map[string]float64 {
	t.Helper()
	resp, err := http.Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		line = strings.Replace(line, `device_error="",`, "", 1) // newer versions have it
		if i := strings.LastIndexByte(line, ' '); i > 0 && !strings.HasPrefix(line, "#") {
			if all[line[:i]], err = strconv.ParseFloat(line[i+1:], 64); err != nil {
				t.Fatal(line)
			}
		}
	}
	return all
}

// gatherers builds inputs of these names with their defaults.
func gatherers(t testing.TB, change map[string]func(any), names ...string) (ins []inputs.Input) {
	t.Helper()
	env := inputtest.Env(hostfs.Root{}, time.Now)
	for _, name := range names {
		for _, f := range Factories() {
			if f.Name != name {
				continue
			}
			cfg := f.Config()
			if c := change[name]; c != nil {
				c(cfg)
			}
			built, err := f.New(cfg, env)
			if err != nil {
				t.Fatal(err)
			}
			ins = append(ins, built.(inputs.Input))
		}
	}
	if len(ins) != len(names) {
		t.Fatalf("%d inputs, want %v", len(ins), names)
	}
	return ins
}

// TestAgainstNodeExporter: our numbers lie between those of a scrape before
// and one after, with some room for what goes both ways.
func TestAgainstNodeExporter(t *testing.T) {
	e := startExporter(t)
	ins := gatherers(t, nil, "mem", "swap", "disk", "diskio", "system")
	s := &inputtest.Sink{}
	before := e.scrape(t)
	for _, in := range ins {
		if err := in.Gather(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	after := e.scrape(t)
	compared := map[string]int{}
	check := func(r inputtest.Record, key, metric string, factor, slack float64) {
		t.Helper()
		low, ok1 := before[metric]
		high, ok2 := after[metric]
		v, ok := r.Number(key)
		if !ok1 || !ok2 || !ok {
			return
		}
		compared[r.Measurement]++
		if low, high = min(low, high)*factor-slack, max(low, high)*factor+slack; v < low || v > high {
			t.Errorf("%s %v %s = %v, node_exporter says %v to %v", r.Measurement, r.Tags, key, v, low, high)
		}
	}
	const room = 512 << 20
	for _, r := range s.Records {
		switch r.Measurement {
		case "mem":
			for key, name := range map[string]string{"total": "MemTotal", "swap_total": "SwapTotal", "commit_limit": "CommitLimit", "vmalloc_total": "VmallocTotal", "huge_pages_size": "Hugepagesize"} {
				check(r, key, "node_memory_"+name+"_bytes", 1, 0)
			}
			for key, name := range map[string]string{"free": "MemFree", "available": "MemAvailable", "cached": "Cached", "buffered": "Buffers", "slab": "Slab", "active": "Active", "inactive": "Inactive"} {
				check(r, key, "node_memory_"+name+"_bytes", 1, room)
			}
		case "swap":
			check(r, "in", "node_vmstat_pswpin", float64(os.Getpagesize()), 0)
			check(r, "out", "node_vmstat_pswpout", float64(os.Getpagesize()), 0)
		case "system":
			check(r, "load1", "node_load1", 1, 0.5)
			check(r, "load15", "node_load15", 1, 0.5)
		case "filefd":
			check(r, "allocated", "node_filefd_allocated", 1, 500)
		case "conntrack":
			check(r, "entries_limit", "node_nf_conntrack_entries_limit", 1, 0)
		case "pressure":
			check(r, "some_total", "node_pressure_"+map[string]string{"cpu": "cpu", "memory": "memory", "io": "io"}[r.Tag("resource")]+"_waiting_seconds_total", 1e6, 1)
		case "disk":
			labels := fmt.Sprintf(`{device=%q,fstype=%q,mountpoint=%q}`, r.Tag("device"), r.Tag("fstype"), r.Tag("mount_point"))
			check(r, "total", "node_filesystem_size_bytes"+labels, 1, 0)
			check(r, "free", "node_filesystem_avail_bytes"+labels, 1, room)
			check(r, "inodes_total", "node_filesystem_files"+labels, 1, 0)
		case "diskio":
			labels := fmt.Sprintf(`{device=%q}`, r.Tag("name"))
			check(r, "reads", "node_disk_reads_completed_total"+labels, 1, 0)
			check(r, "writes", "node_disk_writes_completed_total"+labels, 1, 0)
			check(r, "read_bytes", "node_disk_read_bytes_total"+labels, 1, 0)
			check(r, "write_bytes", "node_disk_written_bytes_total"+labels, 1, 0)
			check(r, "io_time", "node_disk_io_time_seconds_total"+labels, 1000, 1)
		}
	}
	for _, name := range []string{"mem", "swap", "system", "filefd", "disk", "diskio"} {
		if compared[name] == 0 {
			t.Errorf("nothing of %s was compared", name)
		}
	}
}
