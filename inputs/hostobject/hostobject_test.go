package hostobject

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/mounts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func build(t *testing.T, dir string, clock *inputtest.Clock, change func(*Config)) *input {
	t.Helper()
	env := inputtest.Env(inputtest.Fixture(dir), clock.Now)
	env.Agent = func() inputs.Agent {
		return inputs.Agent{Version: "1.2.3", LogLevel: "INFO", Collectors: []inputs.Collector{
			{Name: "cpu", Gathers: 7, LastGather: clock.Now(), LastError: "boom", LastErrorAt: clock.Now()}, {Name: "never"},
		}}
	}
	in := inputtest.Build(t, Factory(), env, change).(*input)
	in.nics = func() ([]nic, error) {
		_, local, _ := net.ParseCIDR("127.0.0.1/8")
		ip, eth, _ := net.ParseCIDR("10.1.2.3/24")
		eth.IP = ip
		return []nic{{Name: "lo", addresses: []net.Addr{local}}, {Name: "eth0", MTU: 1500, IP4: "10.1.2.3/24", addresses: []net.Addr{eth}}}, nil
	}
	in.prober = mounts.NewProber(time.Second, func(path string) (mounts.Usage, error) {
		switch strings.TrimPrefix(path, dir+"/root") {
		case "", "/export":
			return mounts.Usage{Total: 1000, Used: 450, Free: 500}, nil
		case "/mnt/nfs":
			return mounts.Usage{Total: 3000, Used: 50, Free: 2950}, nil
		}
		return mounts.Usage{}, nil
	})
	return in
}

func TestGather(t *testing.T) {
	dir, clock := inputtest.Machine(t, "testdata/node"), inputtest.NewClock()
	in := build(t, dir, clock, func(c *Config) {
		c.ConfigPath, c.Tags = []string{"/etc/os-release", "/etc/absent"}, map[string]string{"region": "mine"}
	})
	inputtest.Write(t, filepath.Join(dir, "proc/stat"), "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 0 0 1\nbtime 1700000000\n")
	first := inputtest.Gather(t, in).Find(t, Class)
	for _, key := range []string{"cpu_usage", "diskio_read_bytes_per_sec", "net_recv_bytes_per_sec"} {
		if v, ok := first.Number(key); ok {
			t.Errorf("the first object has %s = %v", key, v)
		}
	}
	clock.Add(4 * time.Second)
	inputtest.Write(t, filepath.Join(dir, "proc/stat"), "cpu  125 0 100 875 0 0 0 0 0 0\ncpu0 1 0 0 1\nbtime 1700000000\n")
	// Only sda, vda and nvme0n1 count: partitions and dm-0 lie on them.
	inputtest.Write(t, filepath.Join(dir, "proc/diskstats"), `   8       0 sda 100 10 2008 500 200 20 4000 900 2 700 1400
 252       0 dm-0 1 0 9999 4 2 0 9999 5 0 6 9
 254       0 vda 10 1 20 5 20 2 56 9 0 7 14
 254       1 vda1 5 1 9999 5 10 2 9999 9 0 7 14
 259       0 nvme0n1 7 0 70 1 8 0 80 1 0 2 2
`)
	inputtest.Write(t, filepath.Join(dir, "proc/1/net/dev"), "lo: 9999 1 0 0 0 0 0 0 9999 1 0 0 0 0 0 0\neth0: 1006 1 0 0 0 0 0 0 1999 1 0 0 0 0 0 0\n")
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	object := got.Find(t, Class, "name", "test-host", "host", "test-host", "os", "linux", "unicast_ip", "10.1.2.3", "cloud_provider", "aws", "region", "mine")
	for key, want := range map[string]float64{
		"start_time": 1700000000_000, "cpu_usage": 25, "num_cpu": 1, "is_docker": 1,
		"disk_total": 4000, "disk_used_percent": 100 * 500.0 / 3950, // the bind mount is not counted twice
		"diskio_read_bytes_per_sec": 8 * 512 / 4, "diskio_write_bytes_per_sec": 16 * 512 / 4, "net_recv_bytes_per_sec": 1.5,
	} {
		if v, ok := object.Number(key); !ok || math.Abs(v-want) > 1e-9 {
			t.Errorf("%s = %v, want %v", key, v, want)
		}
	}
	if v, ok := object.Number("net_send_bytes_per_sec"); ok {
		t.Errorf("after a reset the rate is %v", v)
	}
	if v := object.Field("datakit_ver").AsString() + object.Field("logging_level").AsString(); v != "1.2.3INFO" {
		t.Errorf("agent %s", v)
	}
	checkMessage(t, object.Field("message").AsString(), clock.Now())
}

func checkMessage(t *testing.T, text string, now time.Time) {
	t.Helper()
	var m struct {
		Host struct {
			Meta      map[string]any
			CPU       []map[string]any
			Mem       map[string]float64
			Net, Disk []map[string]any
			Conntrack map[string]float64
			FileFD    map[string]float64 `json:"filefd"`
		}
		Collectors []map[string]any
		Files      map[string]string `json:"config_file"`
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	check("host_name", m.Host.Meta["host_name"], "test-host")
	check("kernel", m.Host.Meta["kernel_release"], "7.2.12+deb13-cloud-amd64")
	check("platform", m.Host.Meta["platform"], "debian")
	check("version", m.Host.Meta["platform_version"], "13")
	check("virtualization", m.Host.Meta["virtualization"], "Amazon EC2 m7i.large")
	check("entries", m.Host.Conntrack["entries"], 17.0)
	check("models of CPUs", len(m.Host.CPU), 1)
	check("cores", m.Host.CPU[0]["cores"], 2.0)
	check("interfaces with a device", len(m.Host.Net), 1)
	check("interface", m.Host.Net[0]["ip4"], "10.1.2.3/24")
	check("disks", len(m.Host.Disk), 2)
	check("collectors", len(m.Collectors), 2)
	check("collector", m.Collectors[0]["last_err"], "boom")
	check("its time", m.Collectors[0]["last_time"], float64(now.Unix()))
	check("files", len(m.Files), 1)
	check("file", strings.Contains(m.Files["/etc/os-release"], "ID=debian"), true)
}

func TestOptions(t *testing.T) {
	count := func(change func(*Config)) (disks, nics int) {
		in := build(t, "testdata/node", inputtest.NewClock(), change)
		var m message
		if err := json.Unmarshal([]byte(inputtest.Gather(t, in).Find(t, Class).Field("message").AsString()), &m); err != nil {
			t.Fatal(err)
		}
		return len(m.Host.Disk), len(m.Host.Net)
	}
	tests := map[string]struct {
		change      func(*Config)
		disks, nics int
	}{
		"zero bytes":   {func(c *Config) { c.IgnoreZero = false }, 3, 1},
		"every mount":  {func(c *Config) { c.Merge = false }, 3, 1},
		"no nfs":       {func(c *Config) { c.IgnoreFSTypes = "nfs|tmpfs" }, 1, 1},
		"virtual nics": {func(c *Config) { c.VirtualInterfaces = true }, 2, 2},
	}
	for name, tt := range tests {
		if disks, nics := count(tt.change); disks != tt.disks || nics != tt.nics {
			t.Errorf("%s: %d disks, %d interfaces; want %d, %d", name, disks, nics, tt.disks, tt.nics)
		}
	}
}

func TestErrors(t *testing.T) {
	in := build(t, t.TempDir(), inputtest.NewClock(), nil)
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	in = build(t, "testdata/node", inputtest.NewClock(), nil)
	release := make(chan struct{})
	in.prober = mounts.NewProber(10*time.Millisecond, func(string) (mounts.Usage, error) { <-release; return mounts.Usage{}, nil })
	s := &inputtest.Sink{}
	if err := in.Gather(t.Context(), s); !errors.Is(err, mounts.ErrNoAnswer) {
		t.Errorf("a dead mount: %v", err)
	}
	close(release)
	s.Find(t, Class)
	for key, change := range map[string]func(*Config){
		"interval": func(c *Config) { c.Interval = time.Second }, "ignore_fstypes": func(c *Config) { c.IgnoreFSTypes = "(" },
	} {
		c := defaults()
		change(c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestCPUInfo(t *testing.T) {
	const arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\nprocessor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\nHardware\t: x\n"
	got := parseCPUInfo(arm)
	if len(got) != 1 || got[0] != (cpu{Vendor: "0x41", Model: "0xd0c", Cores: 2}) {
		t.Errorf("%+v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("processor : 0\nmodel name : x\n\n")
	f.Add("ID=debian\nVERSION_ID=\"13\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range parseCPUInfo(text) {
			if c.Cores < 1 {
				t.Errorf("%+v", c)
			}
		}
		_ = parseOSRelease(text)
	})
}

// TestAgainstTheMachine compares with uname(2), sysinfo(2) and df.
func TestAgainstTheMachine(t *testing.T) {
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	object := got.Find(t, Class)
	var m message
	if err := json.Unmarshal([]byte(object.Field("message").AsString()), &m); err != nil {
		t.Fatal(err)
	}
	var name unix.Utsname
	var info unix.Sysinfo_t
	if err := errors.Join(unix.Uname(&name), unix.Sysinfo(&info)); err != nil {
		t.Fatal(err)
	}
	if want := unix.ByteSliceToString(name.Release[:]); m.Host.Meta.Kernel != want {
		t.Errorf("kernel %s, want %s", m.Host.Meta.Kernel, want)
	}
	if m.Host.Mem.Total != info.Totalram*uint64(info.Unit) {
		t.Errorf("memory %d, want %d", m.Host.Mem.Total, info.Totalram)
	}
	booted := float64(time.Now().Unix() - info.Uptime)
	if v, _ := object.Number("start_time"); math.Abs(v/1000-booted) > 3 {
		t.Errorf("start_time %v, want %v", v/1000, booted)
	}
	if out, err := exec.Command("df", "--block-size=1", "--output=target,size", "/").Output(); err == nil {
		want := strings.Fields(string(out))
		for _, d := range m.Host.Disk {
			if d.MountPoint == "/" && want[len(want)-1] != jsonNumber(d.Total) {
				t.Errorf("/ has %d bytes, df says %s", d.Total, want[len(want)-1])
			}
		}
	}
}

func jsonNumber(v any) string { text, _ := json.Marshal(v); return string(text) }

func BenchmarkGather(b *testing.B) {
	in := inputtest.Build[Config](b, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	for b.Loop() {
		if err := in.Gather(b.Context(), &inputtest.Sink{}); err != nil {
			b.Fatal(err)
		}
	}
}
