package net

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
)

func names(s *inputtest.Sink) (all []string) {
	for _, r := range s.Records {
		all = append(all, r.Tag("interface"))
	}
	slices.Sort(all)
	return all
}

func TestInterfaces(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"default", func(*Config) {}, []string{"all", "eth0", "eth1"}},
		{"virtual ones", func(c *Config) { c.Virtual = true }, []string{"all", "bond0", "eth0", "eth1", "lo"}},
		{"chosen, up or not", func(c *Config) { c.Interfaces = []string{"^eth[02]$", "^lo$"} }, []string{"all", "eth0", "eth2"}},
		{"chosen virtual", func(c *Config) { c.Interfaces, c.Virtual = []string{"^lo$"}, true }, []string{"all", "lo"}},
		{"without protocols", func(c *Config) { c.IgnoreProtocols = true }, []string{"eth0", "eth1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture("testdata/bonded"), time.Now), tt.change)
			if got := names(inputtest.Gather(t, in)); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestRates follows counters through growth, a reset and a new interface.
func TestRates(t *testing.T) {
	dir, clock := inputtest.Machine(t, "testdata/bonded"), inputtest.NewClock()
	snmp := func(insegs, indatagrams string) {
		text := "Tcp: InSegs OutSegs MaxConn\nTcp: " + insegs + " 7 -1\nUdp: InDatagrams OutDatagrams\nUdp: " + indatagrams + " 9\n"
		if err := os.WriteFile(filepath.Join(dir, "proc/1/net/snmp"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dev := func(lines ...string) {
		if err := os.WriteFile(filepath.Join(dir, "proc/1/net/dev"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), clock.Now), nil)
	gather := func() *inputtest.Sink {
		t.Helper()
		s := inputtest.Gather(t, in)
		inputtest.Conforms(t, Factory().Spec, s.Records, false)
		return s
	}
	check := func(r inputtest.Record, want map[string]float64, absent ...string) {
		t.Helper()
		for key, w := range want {
			if v, ok := r.Number(key); !ok || v != w {
				t.Errorf("%s = %v %v, want %v", key, v, ok, w)
			}
		}
		for _, key := range absent {
			if v, ok := r.Number(key); ok {
				t.Errorf("%s = %v, want none", key, v)
			}
		}
	}
	rates := []string{"bytes_sent/sec", "bytes_recv/sec", "packets_sent/sec", "packets_recv/sec"}
	snmp("100", "5")
	first := gather()
	check(first.Find(t, "net", "interface", "eth0"), map[string]float64{
		"bytes_recv": 1000, "packets_recv": 10, "err_in": 1, "drop_in": 2, "bytes_sent": 2000, "packets_sent": 20, "err_out": 3, "drop_out": 4,
	}, rates...)
	check(first.Find(t, "net", "interface", "all"), map[string]float64{"tcp_insegs": 100, "tcp_maxconn": -1}, "tcp_insegs/sec", "tcp_inerrs")

	clock.Add(4 * time.Second)
	dev("eth0: 1003 10 1 2 0 0 0 0 2000 19 3 4 0 0 0 0", "eth7: 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5")
	snmp("101", "4")
	second := gather()
	// A rate is no whole number; one counter that went back spoils only its own.
	check(second.Find(t, "net", "interface", "eth0"),
		map[string]float64{"bytes_recv/sec": 0.75, "packets_recv/sec": 0, "bytes_sent/sec": 0}, "packets_sent/sec")
	check(second.Find(t, "net", "interface", "eth7"), map[string]float64{"bytes_recv": 5}, rates...)
	check(second.Find(t, "net", "interface", "all"), map[string]float64{"tcp_insegs/sec": 0.25, "tcp_outsegs/sec": 0, "udp_indatagrams": 4}, "udp_indatagrams/sec")

	clock.Add(time.Second)
	third := gather()
	check(third.Find(t, "net", "interface", "eth0"), map[string]float64{"packets_sent/sec": 0})
	for _, r := range third.Records {
		if r.Time != clock.Now().UnixNano() {
			t.Errorf("%s is at another time", r.Tag("interface"))
		}
	}
}

func TestKernels(t *testing.T) {
	for _, tree := range []string{"linux-5.10", "linux-7.2"} {
		clock := inputtest.NewClock()
		in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture("testdata/"+tree), clock.Now), func(c *Config) { c.Virtual = true })
		inputtest.Gather(t, in)
		clock.Add(time.Second)
		got := inputtest.Gather(t, in)
		// udp_memerrors came with 5.16.
		inputtest.Conforms(t, Factory().Spec, got.Records, tree == "linux-7.2")
		if _, ok := got.Find(t, "net", "interface", "all").Number("udp_memerrors"); ok != (tree == "linux-7.2") {
			t.Errorf("%s: udp_memerrors %v", tree, ok)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "no numbers": "Tcp: A B\n", "too few": "Tcp: A B\nTcp: 1\n", "too many": "Tcp: A\nTcp: 1 2\n", "other": "Tcp: A\nUdp: 1\n", "text": "Udp: A\nUdp: x\n",
	} {
		if v, err := parseSNMP([]byte(text)); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
	dir := t.TempDir()
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), nil)
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	bad := Factory().Config().(*Config)
	bad.Interfaces = []string{"eth("}
	if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), "interfaces: ") {
		t.Errorf("error %v", err)
	}
}

func FuzzParseSNMP(f *testing.F) {
	data, err := os.ReadFile("testdata/bonded/proc/1/net/snmp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("Tcp: A B\nTcp: 1 -2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := parseSNMP(data); err == nil && len(v) == 0 {
			t.Error("nothing, and no error")
		}
	})
}

// TestAgainstTheMachine compares with rtnetlink, which is another way into
// the kernel, taken before and after.
func TestAgainstTheMachine(t *testing.T) {
	in := inputtest.Build(t, Factory(), inputtest.Env(hostfs.Root{}, time.Now), func(c *Config) {
		c.Virtual, c.Interfaces = true, []string{"."}
	})
	before := links(t)
	got := inputtest.Gather(t, in)
	after := links(t)
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	compared := 0
	for name, b := range before {
		a, ok := after[name]
		if !ok {
			continue
		}
		r := got.Find(t, "net", "interface", name)
		for key, bounds := range map[string][2]uint64{
			"bytes_recv": {b.RxBytes, a.RxBytes}, "bytes_sent": {b.TxBytes, a.TxBytes},
			"packets_recv": {b.RxPackets, a.RxPackets}, "packets_sent": {b.TxPackets, a.TxPackets},
			"err_in": {b.RxErrors, a.RxErrors}, "err_out": {b.TxErrors, a.TxErrors}, "drop_out": {b.TxDropped, a.TxDropped},
		} {
			compared++
			if v, ok := r.Number(key); !ok || v < float64(bounds[0]) || v > float64(bounds[1]) {
				t.Errorf("%s %s = %v, want %d to %d", name, key, v, bounds[0], bounds[1])
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
	data, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if w := strings.Fields(line); w[0] == "Tcp:" && w[1] != "RtoAlgorithm" {
			want, _ := strconv.ParseFloat(w[5], 64)
			if v, _ := got.Find(t, "net", "interface", "all").Number("tcp_activeopens"); math.Abs(v-want) > 1000 {
				t.Errorf("tcp_activeopens %v, want about %v", v, want)
			}
		}
	}
}

func links(t *testing.T) map[string]netlink.LinkStatistics {
	t.Helper()
	all, err := netlink.LinkList()
	if err != nil {
		t.Skipf("rtnetlink does not answer: %v", err)
	}
	stats := map[string]netlink.LinkStatistics{}
	for _, l := range all {
		if s := l.Attrs().Statistics; s != nil {
			stats[l.Attrs().Name] = *s
		}
	}
	return stats
}

func BenchmarkGather(b *testing.B) {
	in := inputtest.Build[Config](b, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	for b.Loop() {
		if err := in.Gather(b.Context(), &inputtest.Sink{}); err != nil {
			b.Fatal(err)
		}
	}
}
