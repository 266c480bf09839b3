package filter

import (
	"net/netip"
	"strings"
	"testing"
)

func TestUses(t *testing.T) {
	p, err := Compile("ip == '10.0.0.1' || mac in [] && !(k8s_src_pod == 'x'); nic == netns")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{
		"src_ip": true, "dst_ip": true, "src_mac": true, "k8s_src_pod": true, "nic": true, "netns": true,
		"k8s_dst_pod": false, "ip_saddr": false, "src_port": false, "nothing": false,
	} {
		if got := p.Uses(key); got != want {
			t.Errorf("uses %s: %t, want %t", key, got, want)
		}
	}
}

func TestPositions(t *testing.T) {
	p, err := Compile("udp;  src_port == 80\n\n  ((tcp) && !udp)")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Position{{1, 1}, {1, 7}, {3, 5}} {
		if got := p.Position(i); got != want {
			t.Errorf("rule %d is at %v, want %v", i, got, want)
		}
	}
}

func TestHeadersAreExact(t *testing.T) {
	known := map[string]string{"nic": "eth0", "netns": "NS(0:1)"}
	tests := []struct {
		rule  string
		exact bool
		tests int // -1: some
		start Target
	}{
		{"tcp && port == 80", true, 3, 0},
		{"", true, 0, Keep},
		{"true", true, 0, Drop(0)},
		{"false; true", true, 0, Drop(1)},
		{"k8s_src_pod == 'x'", false, 0, Keep},
		{"k8s_src_pod == 'x' || tcp", false, 1, 0},
		{"k8s_src_pod == 'x' && tcp", false, 0, Keep},
		{"!(k8s_src_pod == 'x') && tcp", false, 0, Keep},
		{"!(k8s_src_pod == 'x' && tcp)", false, 1, 0}, // what is not TCP
		{"(k8s_src_pod == 'x') == tcp", false, 0, Keep},
		{"tcp == udp", true, -1, 0},
		{"nic == 'eth0' && tcp", true, 1, 0},
		{"nic == 'lo' && tcp", true, 0, Keep},
		{"matches(netns, '^NS') && tcp", true, 1, 0},
		{"has_prefix(nic, k8s_src_pod)", false, 0, Keep},
		{"ipnet_contains('10.0.0.0/8', ip_saddr)", true, 1, 0},
		{"has_prefix(ip_saddr, '10.')", false, 0, Keep},
		{"ip in (" + strings.Repeat("'10.0.0.0/8', ", 1000) + "'10.1.0.0/16')", true, 2, 0}, // joined, for each side
	}
	for _, test := range tests {
		p, err := Compile(test.rule)
		if err != nil {
			t.Fatal(err)
		}
		d := p.Headers(known)
		if d.Exact != test.exact || d.Start != test.start || test.tests >= 0 && len(d.Tests) != test.tests {
			t.Errorf("%.60s: exact %t, start %d, %d tests; want %t, %d, %d", test.rule, d.Exact, d.Start, len(d.Tests), test.exact, test.start, test.tests)
		}
	}
}

// Comparing bool with bool needs its right side twice. Rules that do so again
// and again neither grow nor take time out of proportion.
func TestNestedComparisonsStaySmall(t *testing.T) {
	for name, text := range map[string]string{
		"right": strings.Repeat("src_port == 1 == (", 200) + "tcp" + strings.Repeat(")", 200),
		"left":  strings.Repeat("(", 200) + "tcp" + strings.Repeat(" != (dst_port < 7))", 200),
		"texts": strings.Repeat("k8s_src_pod == 'a' == (", 200) + "tcp" + strings.Repeat(")", 200),
	} {
		p, err := Compile(text)
		if err != nil {
			t.Fatal(name, err)
		}
		if n := len(p.Headers(nil).Tests); n > 1000 {
			t.Errorf("%s: %d tests", name, n)
		}
		p.Match(sample())
	}
}

// A packet that is used again has nothing left of what it was.
func TestPacketIsReused(t *testing.T) {
	p := sample()
	steps := []struct {
		src  string
		keys Values
	}{
		{"2001:db8::1", Values{"ipv4": false, "ipv6": true, "ip_saddr": "", "ip6_saddr": "2001:db8::1", "src_ip": "2001:db8::1"}},
		{"10.0.0.1", Values{"ipv4": true, "ipv6": false, "ip_saddr": "10.0.0.1", "ip6_saddr": "", "src_ip": "10.0.0.1"}},
		{"::ffff:10.0.0.1", Values{"ipv4": false, "ipv6": true, "ip_saddr": "", "ip6_saddr": "::ffff:10.0.0.1"}},
		{"", Values{"ipv4": false, "ipv6": false, "ip_saddr": "", "ip6_saddr": "", "src_ip": ""}},
	}
	for _, step := range steps {
		addr, _ := netip.ParseAddr(step.src)
		p.SetAddrs(addr, addr)
		got := p.Values()
		for key, want := range step.keys {
			if got[key] != want {
				t.Errorf("%q: %s is %v, want %v", step.src, key, got[key], want)
			}
		}
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	p, err := Compile("ip_saddr == '10.0.0.2' && dst_port == 443; ip in ['192.0.2.0/24', '::/0']; has_prefix(k8s_src_pod, 'x'); src_port == dst_port")
	if err != nil {
		t.Fatal(err)
	}
	packet := sample()
	src, dst := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.1")
	if n := testing.AllocsPerRun(100, func() {
		packet.SetAddrs(src, dst)
		packet.SetPorts(80, 40000)
		packet.SetMACs([6]byte{2}, [6]byte{4})
		p.Match(packet)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
