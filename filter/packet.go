package filter

import "net/netip"

// Packet is what the rules of netlog_blacklist see of a packet. The source is
// the side of the network interface it was captured on.
type Packet struct {
	TCP, UDP         bool
	Src, Dst         netip.Addr // of the innermost header; never IPv4-mapped
	SrcPort, DstPort uint16
	SrcPod, DstPod   string // names of the pods, "" when unknown
}

// PacketVocabulary returns the keys of [Packet].
func PacketVocabulary() Vocabulary[Packet] {
	return Vocabulary[Packet]{
		{Name: "tcp", Help: "whether it is TCP", Bool: func(p *Packet) bool { return p.TCP }},
		{Name: "udp", Help: "whether it is UDP", Bool: func(p *Packet) bool { return p.UDP }},
		{Name: "ipv4", Help: "whether it is IPv4", Bool: func(p *Packet) bool { return p.Src.Is4() }},
		{Name: "ipv6", Help: "whether it is IPv6", Bool: func(p *Packet) bool { return p.Src.Is6() }},
		{Name: "src_port", Help: "port on the side of the interface", Int: func(p *Packet) int64 { return int64(p.SrcPort) }},
		{Name: "dst_port", Help: "port on the other side", Int: func(p *Packet) int64 { return int64(p.DstPort) }},
		{Name: "ip_saddr", Help: "IPv4 address on the side of the interface; \"\" for IPv6", Addr: func(p *Packet) netip.Addr { return only4(p.Src) }},
		{Name: "ip_daddr", Help: "IPv4 address on the other side; \"\" for IPv6", Addr: func(p *Packet) netip.Addr { return only4(p.Dst) }},
		{Name: "ip6_saddr", Help: "IPv6 address on the side of the interface; \"\" for IPv4", Addr: func(p *Packet) netip.Addr { return only6(p.Src) }},
		{Name: "ip6_daddr", Help: "IPv6 address on the other side; \"\" for IPv4", Addr: func(p *Packet) netip.Addr { return only6(p.Dst) }},
		{Name: "k8s_src_pod", Help: "pod on the side of the interface; \"\" when unknown", Str: func(p *Packet) string { return p.SrcPod }},
		{Name: "k8s_dst_pod", Help: "pod on the other side; \"\" when unknown", Str: func(p *Packet) string { return p.DstPod }},
	}
}

func only4(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	return netip.Addr{}
}

func only6(a netip.Addr) netip.Addr {
	if a.Is6() {
		return a
	}
	return netip.Addr{}
}
