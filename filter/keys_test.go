package filter

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// Every key has help and can be used in a rule of its type; keys of either
// side stand for two of their own type.
func TestKeys(t *testing.T) {
	uses := map[Type]string{TypeBool: "%", TypeInt: "% == 1", TypeStr: "% == ''"}
	seen := map[string]Key{}
	for _, k := range Keys() {
		if _, twice := seen[k.Name]; twice || k.Help == "" {
			t.Errorf("%s: twice, or without help", k.Name)
		}
		seen[k.Name] = k
		if _, err := Compile(strings.ReplaceAll(uses[k.Type], "%", k.Name)); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	for _, k := range seen {
		for _, side := range k.Sides {
			if seen[side].Type != k.Type || seen[side].Sides != nil {
				t.Errorf("%s stands for %s, which is %+v", k.Name, side, seen[side])
			}
		}
		if k.Sides != nil && k.Meaning() != k.Help+": "+k.Sides[0]+" or "+k.Sides[1] {
			t.Errorf("%s means %q", k.Name, k.Meaning())
		}
	}
	// The names of the public eBPF collector page.
	for _, name := range []string{"tcp", "udp", "ipv4", "ipv6", "src_port", "dst_port", "ip_saddr", "ip_daddr", "ip6_saddr", "ip6_daddr", "k8s_src_pod", "k8s_dst_pod"} {
		if _, ok := seen[name]; !ok {
			t.Errorf("no key %s", name)
		}
	}
}

// The functions that are described are those there are.
func TestFunctions(t *testing.T) {
	for _, f := range Functions() {
		if _, err := Compile(f.Name + "('10.0.0.0/8', '10.0.0.0')"); err != nil {
			t.Errorf("%s: %v", f.Usage(), err)
		}
		if _, err := Compile(f.Name + "('a')"); err == nil {
			t.Errorf("%s takes one argument", f.Usage())
		}
	}
	if got := Functions()[0].Usage(); got != "ipnet_contains(ipnet, ip)" {
		t.Error(got)
	}
}

// Rules that the reference shows are rules.
func TestReferenceIsTrue(t *testing.T) {
	rules := []string{
		"src_port != 80", "!(src_port == 80)", "ip in ('10.0.0.0/8', '192.0.2.1')", "ip == '10.0.0.1'", "port < 1024",
		"ip != '10.0.0.1'", "!(ip == '10.0.0.1')", "src_port == 443",
	}
	var prose []string
	for _, topic := range Topics() {
		prose = append(prose, strings.ReplaceAll(topic.Text, "\n", " "))
	}
	for _, rule := range rules {
		if !slices.ContainsFunc(prose, func(text string) bool { return strings.Contains(text, rule) }) {
			t.Errorf("the reference does not show %s", rule)
		}
		p, err := Compile(rule)
		if err != nil || len(p.Warnings()) > 0 {
			t.Errorf("%s: %v, %v", rule, err, p.Warnings())
		}
	}
	if _, err := Compile("!src_port == 80"); err == nil {
		t.Error("the reference says that !src_port == 80 is an error")
	}
	if p, err := Compile("ip == '2001:DB8:0::1'"); err != nil || len(p.Warnings()) != 1 {
		t.Error("the reference says that a text which never matches is a warning")
	}
}

// What a packet was set to is what the keys say.
func TestValuesOfPacket(t *testing.T) {
	p := &Packet{NIC: "eth0", Netns: "NS(0:1)", SrcPod: "web", DstPod: "db"}
	p.SetAddrs(netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:10.0.0.1"))
	p.SetPorts(65535, 1)
	p.SetMACs([6]byte{0x02, 0xff, 0, 0, 0, 1}, [6]byte{})
	for field, value := range map[Field]uint64{Proto: 58, VLAN: 4095, InnerVLAN: 1, Tunnel: TunnelGeneve, VNI: 1<<24 - 1} {
		p.Set(field, value)
		if p.Get(field) != value {
			t.Errorf("field %d is %d, want %d", field, p.Get(field), value)
		}
	}
	want := Values{
		"tcp": false, "udp": false, "icmp": true, "ipv4": false, "ipv6": true, "proto": 58, "src_port": 65535, "dst_port": 1,
		"ip_saddr": "", "ip_daddr": "", "ip6_saddr": "2001:db8::1", "ip6_daddr": "::ffff:10.0.0.1", "src_ip": "2001:db8::1", "dst_ip": "::ffff:10.0.0.1",
		"src_mac": "02:ff:00:00:00:01", "dst_mac": "00:00:00:00:00:00", "vlan": 4095, "inner_vlan": 1, "tunnel": "geneve", "vni": 1<<24 - 1,
		"nic": "eth0", "netns": "NS(0:1)", "k8s_src_pod": "web", "k8s_dst_pod": "db",
	}
	got := p.Values()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d values, want %d", len(got), len(want))
	}
}
