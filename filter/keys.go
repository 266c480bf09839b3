package filter

import (
	"net"
	"net/netip"
)

// Key describes a name that rules may use.
type Key struct {
	Name string
	Type Type
	Help string
	// Sides are the keys it stands for, when it means either side: a test
	// is true when it is true of one of them, and != is the opposite of ==.
	Sides []string
}

// Keys lists the names that rules may use.
func Keys() []Key {
	var all []Key
	for _, k := range vocabulary() {
		all = append(all, k.Key)
	}
	return all
}

// key is a Key with where its value is. Exactly one of the others is set,
// none when it means either side.
type key struct {
	Key
	flag   []span               // bool: whether a field lies in one of the ranges
	number Field                // int
	addr   *addrKey             // str that is an IP address
	coded  *codedKey            // str that a field holds as a number
	text   func(*Packet) string // str
}

// span is a range of a field, both ends in it.
type span struct {
	field  Field
	lo, hi uint64
}

// addrKey is the address of one side, "" when the packet is of another
// version.
type addrKey struct {
	side   side
	v4, v6 bool
}

func (k *addrKey) of(p *Packet) string {
	a := p.addr(k.side)
	if a.Is4() && k.v4 || a.Is6() && k.v6 {
		return a.String()
	}
	return ""
}

// parse returns the address that is written exactly so, invalid for "". It
// fails when the key never has this text.
func (k *addrKey) parse(text string) (netip.Addr, bool) {
	if text == "" {
		return netip.Addr{}, true
	}
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.String() == text && a.Zone() == "" && (a.Is4() && k.v4 || a.Is6() && k.v6)
}

// codedKey is a field with a text for every value.
type codedKey struct {
	field  Field
	decode func(uint64) string
	encode func(string) (uint64, bool) // fails when the key never has this text
}

func vocabulary() []key {
	describe := func(name string, t Type, help string, sides ...string) Key {
		return Key{Name: name, Type: t, Help: help, Sides: sides}
	}
	flag := func(name, help string, f Field, values ...uint64) key {
		k := key{Key: describe(name, TypeBool, help)}
		for _, v := range values {
			k.flag = append(k.flag, span{f, v, v})
		}
		return k
	}
	number := func(name string, f Field, help string) key {
		return key{Key: describe(name, TypeInt, help), number: f}
	}
	addr := func(name string, s side, v4, v6 bool, help string) key {
		return key{Key: describe(name, TypeStr, help), addr: &addrKey{s, v4, v6}}
	}
	text := func(name string, of func(*Packet) string, help string) key {
		return key{Key: describe(name, TypeStr, help), text: of}
	}
	mac := func(name string, f Field, help string) key {
		return key{Key: describe(name, TypeStr, help), coded: &codedKey{f, macText, macNumber}}
	}
	return []key{
		flag("tcp", "whether it is TCP", Proto, 6),
		flag("udp", "whether it is UDP", Proto, 17),
		flag("icmp", "whether it is ICMP or ICMPv6", Proto, 1, 58),
		flag("ipv4", "whether it is IPv4", Family, 4),
		flag("ipv6", "whether it is IPv6", Family, 6),
		number("proto", Proto, "IP protocol number: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6 …"),

		number("src_port", SrcPort, "port on the side of the interface; 0 when there is none, as in later fragments"),
		number("dst_port", DstPort, "port on the other side"),
		{Key: describe("port", TypeInt, "port of either side", "src_port", "dst_port")},

		addr("ip_saddr", source, true, false, "IPv4 address on the side of the interface; \"\" for IPv6"),
		addr("ip_daddr", destination, true, false, "IPv4 address on the other side; \"\" for IPv6"),
		addr("ip6_saddr", source, false, true, "IPv6 address on the side of the interface, as RFC 5952 writes it; \"\" for IPv4"),
		addr("ip6_daddr", destination, false, true, "IPv6 address on the other side; \"\" for IPv4"),
		addr("src_ip", source, true, true, "address on the side of the interface, IPv4 or IPv6"),
		addr("dst_ip", destination, true, true, "address on the other side, IPv4 or IPv6"),
		{Key: describe("ip", TypeStr, "address of either side, IPv4 or IPv6", "src_ip", "dst_ip")},

		mac("src_mac", SrcMAC, "Ethernet address on the side of the interface, as 02:00:00:00:00:01"),
		mac("dst_mac", DstMAC, "Ethernet address on the other side"),
		{Key: describe("mac", TypeStr, "Ethernet address of either side", "src_mac", "dst_mac")},
		number("vlan", VLAN, "id of the outermost VLAN tag; 0 when there is none"),
		number("inner_vlan", InnerVLAN, "id of the VLAN tag within it (QinQ); 0 when there is none"),
		{Key: describe("tunnel", TypeStr, "\"vxlan\", \"geneve\", \"gre\", \"ipip\" (IP of any version in IP of any); \"\" when the packet came in none"), coded: &codedKey{Tunnel, tunnelText, tunnelNumber}},
		number("vni", VNI, "network identifier of VXLAN and Geneve; 0 when there is none"),

		text("nic", func(p *Packet) string { return p.NIC }, "name of the interface it was captured on"),
		text("netns", func(p *Packet) string { return p.Netns }, "network namespace it was captured in, as the tag netns: NS(<device>:<inode>)"),
		text("k8s_src_pod", func(p *Packet) string { return p.SrcPod }, "pod on the side of the interface; \"\" when unknown"),
		text("k8s_dst_pod", func(p *Packet) string { return p.DstPod }, "pod on the other side; \"\" when unknown"),
		{Key: describe("k8s_pod", TypeStr, "pod of either side", "k8s_src_pod", "k8s_dst_pod")},
	}
}

// str returns a string key of a packet.
func (k *key) str(p *Packet) string {
	switch {
	case k.addr != nil:
		return k.addr.of(p)
	case k.coded != nil:
		return k.coded.decode(p.fields[k.coded.field])
	default:
		return k.text(p)
	}
}

func macText(word uint64) string {
	if word == 0 {
		return ""
	}
	return net.HardwareAddr{byte(word >> 40), byte(word >> 32), byte(word >> 24), byte(word >> 16), byte(word >> 8), byte(word)}.String()
}

func macNumber(text string) (uint64, bool) {
	if text == "" {
		return 0, true
	}
	a, err := net.ParseMAC(text)
	if err != nil || len(a) != 6 || a.String() != text {
		return 0, false
	}
	return macWord([6]byte(a)), true
}

func tunnelText(n uint64) string {
	switch n {
	case TunnelVXLAN:
		return "vxlan"
	case TunnelGeneve:
		return "geneve"
	case TunnelGRE:
		return "gre"
	case TunnelIPIP:
		return "ipip"
	default:
		return ""
	}
}

func tunnelNumber(text string) (uint64, bool) {
	switch text {
	case "":
		return 0, true
	case "vxlan":
		return TunnelVXLAN, true
	case "geneve":
		return TunnelGeneve, true
	case "gre":
		return TunnelGRE, true
	case "ipip":
		return TunnelIPIP, true
	default:
		return 0, false
	}
}
