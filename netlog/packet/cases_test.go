package packet

// example is a frame and what is in it. It is also the corpus of the fuzz
// target and what tshark is asked about.
type example struct {
	name  string
	link  LinkType
	frame []byte
	wire  int // 0: all of it was captured
	want  fields
}

// fields are what an example says about a packet. Of the zero ones only
// those are compared that a packet of its kind has.
type fields struct {
	err              Error
	srcMAC, dstMAC   string
	vlan             [2]uint16
	tunnel           Tunnel
	vni              uint32
	src, dst         string // default a4, b4; "6": a6, b6
	sport, dport     uint16
	proto            uint8 // default TCP
	fragment         bool
	offset           int
	flags            Flags
	payload          string // captured
	payloadLen       int    // default: len(payload)
	dir              Direction
	tcp              TCP // options only
	icmpType, icmpID int
}

const (
	optTimestamps = "\x01\x01\x08\x0a\x00\x00\x00\x07\x00\x00\x00\x08"
	optSYN        = "\x02\x04\x05\xb4\x04\x02\x08\x0a\x00\x00\x00\x07\x00\x00\x00\x00\x01\x03\x03\x07"
	optSACK       = "\x01\x01\x05\x12\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00\x00\x09\x00\x00\x00\x0b"
	padding       = "\x00\x00\x00\x00\x00\x00"
)

func stamped() TCP { return TCP{Options: OptTimestamps, TSVal: 7, TSEcr: 8} }

// examples lists well-formed frames of every kind.
func examples() []example {
	ether := func(name string, frame []byte, want fields) example {
		if want.srcMAC == "" {
			want.srcMAC, want.dstMAC = macA, macB
		}
		return example{name: name, link: LinkEthernet, frame: frame, want: want}
	}
	abc := tcp(ACK|PSH, optTimestamps, "abc")
	plain := fields{sport: 40000, dport: 80, flags: ACK | PSH, payload: "abc", tcp: stamped()}
	with := func(change func(*fields)) fields {
		f := plain
		change(&f)
		return f
	}
	plain6 := with(func(f *fields) { f.src, f.dst = a6, b6 })
	datagram := func(to int, b []byte) fields {
		return fields{proto: ProtoUDP, sport: 53000, dport: uint16(to), payload: string(b)}
	}
	within := func(t Tunnel, vni uint32) fields {
		return with(func(f *fields) { f.tunnel, f.vni, f.srcMAC, f.dstMAC, f.src, f.dst = t, vni, macC, macD, c4, d4 })
	}
	bare := func(t Tunnel) fields { // without an Ethernet header of its own
		return with(func(f *fields) { f.tunnel, f.src, f.dst = t, c4, d4 })
	}
	guest := header4(c4, d4, ProtoTCP, 0x4000, "", abc)
	long := string(make([]byte, 200))
	var synTCP = TCP{Options: OptMSS | OptSACKPermitted | OptTimestamps | OptWScale, MSS: 1460, WScale: 7, TSVal: 7}
	return []example{
		ether("TCP", eth(0x0800, ip4(ProtoTCP, abc)), plain),
		ether("SYN with options", eth(0x0800, ip4(ProtoTCP, tcp(SYN, optSYN, ""))),
			fields{sport: 40000, dport: 80, flags: SYN, tcp: synTCP}),
		ether("SACK", eth(0x0800, ip4(ProtoTCP, tcp(ACK, optSACK, ""))), fields{sport: 40000, dport: 80, flags: ACK,
			tcp: TCP{Options: OptSACK, SACKs: 2, SACK: [4][2]uint32{{1, 5}, {9, 11}}}}),
		ether("timestamps and SACK", eth(0x0800, ip4(ProtoTCP, tcp(ACK, optTimestamps+optSACK, ""))), fields{sport: 40000, dport: 80, flags: ACK,
			tcp: TCP{Options: OptTimestamps | OptSACK, TSVal: 7, TSEcr: 8, SACKs: 2, SACK: [4][2]uint32{{1, 5}, {9, 11}}}}),
		ether("end of options", eth(0x0800, ip4(ProtoTCP, tcp(ACK, "\x02\x04\x05\xb4\x00\x03\x03\x07", ""))),
			fields{sport: 40000, dport: 80, flags: ACK, tcp: TCP{Options: OptMSS, MSS: 1460}}),
		ether("Ethernet padding", eth(0x0800, join(ip4(ProtoTCP, tcp(ACK, "", "")), []byte(padding))), fields{sport: 40000, dport: 80, flags: ACK}),
		ether("IPv6 padding", eth(0x86dd, join(ip6(ProtoTCP, tcp(ACK, "", "")), []byte(padding))),
			fields{src: a6, dst: b6, sport: 40000, dport: 80, flags: ACK}),
		ether("IPv4 options", eth(0x0800, header4(a4, b4, ProtoTCP, 0, "\x01\x01\x01\x01\x01\x01\x01\x00", abc)), plain),
		ether("VLAN", eth(0x8100, join(u16(0x2000|5), u16(0x0800), ip4(ProtoTCP, abc))), with(func(f *fields) { f.vlan = [2]uint16{5} })),
		ether("QinQ", eth(0x88a8, join(u16(0x2000|4094), tagged(7, join(u16(0x86dd), ip6(ProtoTCP, abc))))),
			with(func(f *fields) { f.vlan, f.src, f.dst = [2]uint16{4094, 7}, a6, b6 })),
		ether("priority tag", eth(0x8100, join(u16(0xe000), u16(0x0800), ip4(ProtoTCP, abc))), plain),
		ether("three tags", eth(0x8100, join(u16(1), tagged(2, tagged(3, join(u16(0x0800), ip4(ProtoTCP, abc)))))),
			with(func(f *fields) { f.vlan = [2]uint16{1, 2} })),
		ether("IPv6", eth(0x86dd, ip6(ProtoTCP, abc)), plain6),
		ether("IPv6 extension headers", eth(0x86dd, ip6(0, ext(60, 0, ext(43, 1, routing(51, authentication(ProtoTCP, abc)))))), plain6),
		ether("IPv6 atomic fragment", eth(0x86dd, ip6(44, fragment6(ProtoTCP, 0, abc))), plain6),
		ether("UDP", eth(0x0800, ip4(ProtoUDP, udp(53, []byte("query")))), datagram(53, []byte("query"))),
		ether("UDP of less than its packet", eth(0x0800, ip4(ProtoUDP, join(udp(9999, []byte("query")), []byte("behind")))), datagram(9999, []byte("query"))),
		ether("ICMP", eth(0x0800, ip4(ProtoICMP, icmp(8, 0, "ping"))), fields{proto: ProtoICMP, icmpType: 8, icmpID: 17, payload: "ping"}),
		ether("ICMPv6", eth(0x86dd, ip6(ProtoICMPv6, icmp(128, 0, "ping"))),
			fields{src: a6, dst: b6, proto: ProtoICMPv6, icmpType: 128, icmpID: 17, payload: "ping"}),
		ether("first fragment", eth(0x0800, header4(a4, b4, ProtoUDP, 0x2000, "", join(u16(53000), u16(9999), u16(3000), u16(0), []byte("beginning")))),
			fields{proto: ProtoUDP, sport: 53000, dport: 9999, fragment: true, payload: "beginning"}),
		ether("later fragment", eth(0x0800, header4(a4, b4, ProtoUDP, 0x2000|2, "", []byte("middle"))),
			fields{proto: ProtoUDP, fragment: true, offset: 16, payload: "middle"}),
		ether("first IPv6 fragment", eth(0x86dd, ip6(44, fragment6(ProtoTCP, 1, abc))), with(func(f *fields) { f.src, f.dst, f.fragment = a6, b6, true })),
		ether("last IPv6 fragment", eth(0x86dd, ip6(0, ext(44, 0, fragment6(ProtoUDP, 24, []byte("end"))))),
			fields{src: a6, dst: b6, proto: ProtoUDP, fragment: true, offset: 24, payload: "end"}),
		ether("longer than the MTU", eth(0x0800, ip4(ProtoTCP, tcp(ACK, "", string(make([]byte, 60000))))),
			fields{sport: 40000, dport: 80, flags: ACK, payload: string(make([]byte, 60000))}),
		ether("not segmented yet", eth(0x0800, join([]byte{0x45, 0, 0, 0}, ip4(ProtoTCP, abc)[4:])), plain),
		ether("OSPF", eth(0x0800, ip4(89, []byte("\x02\x01hello"))), fields{proto: 89, payload: "\x02\x01hello"}),
		ether("VXLAN", eth(0x0800, ip4(ProtoUDP, udp(4789, vxlan(0xabcdef, inner(0x0800, guest))))), within(VXLAN, 0xabcdef)),
		ether("VXLAN on 8472, tagged inside", eth(0x8100, join(u16(9), u16(0x86dd), ip6(ProtoUDP, udp(8472, vxlan(1, inner(0x8100, join(u16(3), u16(0x0800), guest))))))),
			func() fields { f := within(VXLAN, 1); f.vlan = [2]uint16{9}; return f }()),
		ether("VXLAN with a later fragment", eth(0x0800, ip4(ProtoUDP, udp(4789, vxlan(2, inner(0x0800, header4(c4, d4, ProtoTCP, 1, "", []byte("rest"))))))),
			func() fields {
				f := within(VXLAN, 2)
				f.sport, f.dport, f.flags, f.tcp, f.fragment, f.offset, f.payload = 0, 0, 0, TCP{}, true, 8, "rest"
				return f
			}()),
		ether("first fragment of VXLAN", eth(0x0800, header4(a4, b4, ProtoUDP, 0x2000, "",
			join(u16(53000), u16(4789), u16(3000), u16(0), vxlan(3, inner(0x0800, header4(c4, d4, ProtoTCP, 0x4000, "", tcp(ACK|PSH, optTimestamps, long)))))[:120])),
			func() fields { f := within(VXLAN, 3); f.payload, f.payloadLen = long[:38], 200; return f }()),
		ether("VXLAN without a VNI", eth(0x0800, ip4(ProtoUDP, udp(4789, make([]byte, 40)))), datagram(4789, make([]byte, 40))),
		ether("VXLAN too short", eth(0x0800, ip4(ProtoUDP, udp(8472, []byte("\x08short")))), datagram(8472, []byte("\x08short"))),
		ether("Geneve", eth(0x0800, ip4(ProtoUDP, udp(6081, geneve(0x6558, 77, "\x01\x02\x03\x01data", inner(0x0800, guest))))), within(Geneve, 77)),
		ether("Geneve with IPv6", eth(0x0800, ip4(ProtoUDP, udp(6081, geneve(0x86dd, 78, "", ip6(ProtoTCP, abc))))),
			with(func(f *fields) { f.tunnel, f.vni, f.src, f.dst = Geneve, 78, a6, b6 })),
		ether("GRE", eth(0x0800, ip4(47, gre(0, 0x0800, nil, guest))), bare(GRE)),
		ether("GRE with everything", eth(0x86dd, ip6(47, gre(0xb000, 0x0800, join(u32(0), u32(9), u32(1)), guest))), bare(GRE)),
		ether("GRE with a frame", eth(0x0800, ip4(47, gre(0x2000, 0x6558, u32(9), inner(0x0800, guest)))), within(GRE, 0)),
		ether("GRE with IPv6", eth(0x0800, ip4(47, gre(0, 0x86dd, nil, ip6(ProtoTCP, abc)))),
			with(func(f *fields) { f.tunnel, f.src, f.dst = GRE, a6, b6 })),
		ether("ERSPAN", eth(0x0800, ip4(47, gre(0x1000, 0x88be, u32(1), []byte("mirrored")))),
			fields{proto: 47, payload: string(gre(0x1000, 0x88be, u32(1), []byte("mirrored")))}),
		ether("PPTP", eth(0x0800, ip4(47, gre(0x2001, 0x880b, u32(7), nil))), fields{proto: 47, payload: "\x20\x01\x88\x0b\x00\x00\x00\x07"}),
		ether("GRE, source route", eth(0x0800, ip4(47, gre(0x4000, 0x0800, u32(0), guest))),
			fields{proto: 47, payload: string(gre(0x4000, 0x0800, u32(0), guest))}),
		ether("GRE too short", eth(0x0800, ip4(47, gre(0xb000, 0x0800, u32(0), nil))), fields{proto: 47, payload: "\xb0\x00\x08\x00\x00\x00\x00\x00"}),
		ether("IPv4 in IPv4", eth(0x0800, ip4(4, guest)), bare(IPIP)),
		ether("IPv6 in IPv4", eth(0x0800, ip4(41, ip6(ProtoTCP, abc))), with(func(f *fields) { f.tunnel, f.src, f.dst = IPIP, a6, b6 })),
		ether("IPv4 in IPv6", eth(0x86dd, ip6(60, ext(4, 0, guest))), bare(IPIP)),
		ether("IPv6 in IPv6", eth(0x86dd, ip6(41, ip6(ProtoTCP, abc))), with(func(f *fields) { f.tunnel, f.src, f.dst = IPIP, a6, b6 })),
		ether("three in one another", eth(0x0800, ip4(4, header4(c4, d4, 4, 0, "", guest))),
			fields{tunnel: IPIP, proto: 4, src: c4, dst: d4, payload: string(guest)}),
		ether("first fragment of IPIP", eth(0x0800, header4(a4, b4, 4, 0x2000, "", header4(c4, d4, ProtoTCP, 0x4000, "", tcp(ACK|PSH, optTimestamps, long))[:80])),
			func() fields { f := bare(IPIP); f.payload, f.payloadLen = long[:28], 200; return f }()),
		ether("later fragment of IPIP", eth(0x0800, header4(a4, b4, 4, 2, "", []byte("rest"))), fields{proto: 4, fragment: true, offset: 16, payload: "rest"}),
		ether("answer from a tunnel port", eth(0x0800, ip4(ProtoUDP, join(u16(4789), u16(53000), u16(8+30), u16(0), vxlan(1, make([]byte, 22))))),
			fields{proto: ProtoUDP, sport: 4789, dport: 53000, payload: string(vxlan(1, make([]byte, 22)))}),
		{name: "BIG TCP over IPv4", link: LinkEthernet, wire: 70000, frame: eth(0x0800, join([]byte{0x45, 0, 0, 0}, ip4(ProtoTCP, abc)[4:])),
			want: with(func(f *fields) { f.srcMAC, f.dstMAC, f.payloadLen = macA, macB, 70000-14-20-32 })},
		{name: "BIG TCP over IPv6", link: LinkEthernet, wire: 70000,
			frame: eth(0x86dd, join([]byte{0x60, 0, 0, 0, 0, 0, 0}, ip6(0, join([]byte{ProtoTCP, 0, 0xc2, 4}, u32(70000-14-40), abc))[7:])),
			want:  with(func(f *fields) { f.srcMAC, f.dstMAC, f.src, f.dst, f.payloadLen = macA, macB, a6, b6, 70000-14-40-8-32 })},
		{name: "raw IPv4", link: LinkRaw, frame: ip4(ProtoTCP, abc), want: plain},
		{name: "raw IPv6", link: LinkRaw, frame: ip6(ProtoTCP, abc), want: plain6},
		{name: "IPv4 link", link: LinkIPv4, frame: ip4(ProtoTCP, abc), want: plain},
		{name: "IPv6 link", link: LinkIPv6, frame: ip6(ProtoTCP, abc), want: plain6},
		{name: "null", link: LinkNull, frame: join([]byte{2, 0, 0, 0}, ip4(ProtoTCP, abc)), want: plain},
		{name: "null, big-endian", link: LinkNull, frame: join(u32(30), ip6(ProtoTCP, abc)), want: plain6},
		{name: "loop", link: LinkLoop, frame: join(u32(24), ip6(ProtoTCP, abc)), want: plain6},
		{name: "cooked, incoming", link: LinkCooked, frame: cooked(0, 0x0800, ip4(ProtoTCP, abc)),
			want: with(func(f *fields) { f.dir, f.srcMAC = Rx, macA })},
		{name: "cooked, outgoing, tagged", link: LinkCooked, frame: cooked(4, 0x8100, join(u16(5), u16(0x86dd), ip6(ProtoTCP, abc))),
			want: with(func(f *fields) { f.dir, f.srcMAC, f.src, f.dst, f.vlan = Tx, macA, a6, b6, [2]uint16{5} })},
		{name: "cooked 2, outgoing", link: LinkCooked2, frame: cooked2(4, 0x0800, ip4(ProtoTCP, abc)),
			want: with(func(f *fields) { f.dir, f.srcMAC = Tx, macA })},
		{name: "cooked 2, multicast", link: LinkCooked2, frame: cooked2(2, 0x86dd, ip6(ProtoTCP, abc)),
			want: with(func(f *fields) { f.dir, f.srcMAC, f.src, f.dst = Rx, macA, a6, b6 })},
	}
}

// refused lists frames that are not decoded, each with the reason.
func refused() []example {
	bad := func(name string, e Error, frame []byte) example {
		return example{name: name, link: LinkEthernet, frame: frame, want: fields{err: e}}
	}
	cut := func(name string, n int, frame []byte) example {
		return example{name: name, link: LinkEthernet, frame: frame[:n], wire: len(frame), want: fields{err: Truncated}}
	}
	ok := tcp(ACK, "", "abc")
	change := func(b []byte, at int, v byte) []byte {
		b[at] = v
		return b
	}
	tunnel := eth(0x0800, ip4(ProtoUDP, udp(4789, vxlan(1, inner(0x0800, ip4(ProtoTCP, ok))))))
	geneve := eth(0x0800, ip4(ProtoUDP, udp(6081, geneve(0x0800, 1, "optional", ip4(ProtoTCP, ok)))))
	return []example{
		bad("nothing", Malformed, nil),
		bad("short frame", Malformed, make([]byte, 13)),
		bad("ARP", NotIP, eth(0x0806, make([]byte, 28))),
		bad("802.3", NotIP, eth(0x0026, make([]byte, 38))),
		bad("tag at the end", Malformed, eth(0x8100, u16(5))),
		bad("tags without end", TooDeep, eth(0x8100, join(u16(1), tagged(2, tagged(3, tagged(4, tagged(5, nil))))))),
		bad("ARP in VXLAN", NotIP, eth(0x0800, ip4(ProtoUDP, udp(4789, vxlan(1, inner(0x0806, make([]byte, 28))))))),
		bad("IPv4 header cut", Malformed, eth(0x0800, ip4(ProtoTCP, nil)[:19])),
		bad("IPv4 version 5", Malformed, eth(0x0800, change(ip4(ProtoTCP, ok), 0, 0x55))),
		bad("IPv4 header of 16 bytes", Malformed, eth(0x0800, change(ip4(ProtoTCP, ok), 0, 0x44))),
		bad("IPv4 header longer than the packet", Malformed, eth(0x0800, change(ip4(ProtoTCP, nil), 0, 0x4f))),
		bad("IPv4 length shorter than the header", Malformed, eth(0x0800, change(ip4(ProtoTCP, ok), 3, 10))),
		bad("IPv6 version 4", Malformed, eth(0x86dd, change(ip6(ProtoTCP, ok), 0, 0x40))),
		bad("IPv6 header cut", Malformed, eth(0x86dd, ip6(ProtoTCP, nil)[:39])),
		bad("IPv6 extension longer than the packet", Malformed, eth(0x86dd, ip6(0, ext(ProtoTCP, 2, nil)[:20]))),
		bad("IPv6 extension headers without end", TooDeep, eth(0x86dd, ip6(60, ext(60, 0, ext(60, 0, ext(60, 0, ext(60, 0, ext(60, 0, ext(60, 0, ext(60, 0, ext(60, 0, ext(6, 0, ok)))))))))))),
		bad("TCP header cut", Malformed, eth(0x0800, ip4(ProtoTCP, ok[:19]))),
		bad("TCP header of 16 bytes", Malformed, eth(0x0800, ip4(ProtoTCP, change(tcp(ACK, "", "abc"), 12, 0x40)))),
		bad("TCP options longer than the packet", Malformed, eth(0x0800, ip4(ProtoTCP, change(tcp(ACK, "", "abc"), 12, 0xf0)))),
		bad("UDP header cut", Malformed, eth(0x0800, ip4(ProtoUDP, udp(53, nil)[:7]))),
		bad("UDP of 7 bytes", Malformed, eth(0x0800, ip4(ProtoUDP, change(udp(53, nil), 5, 7)))),
		bad("ICMP header cut", Malformed, eth(0x0800, ip4(ProtoICMP, icmp(8, 0, "")[:7]))),
		cut("Ethernet header not captured", 13, eth(0x0800, ip4(ProtoTCP, ok))),
		cut("IPv4 header not captured", 33, eth(0x0800, ip4(ProtoTCP, ok))),
		cut("IPv4 options not captured", 37, eth(0x0800, header4(a4, b4, ProtoTCP, 0, "\x01\x01\x01\x00", ok))),
		cut("IPv6 header not captured", 50, eth(0x86dd, ip6(ProtoTCP, ok))),
		cut("IPv6 extension not captured", 60, eth(0x86dd, ip6(0, ext(ProtoTCP, 0, ok)))),
		cut("rest of an IPv6 extension not captured", 64, eth(0x86dd, ip6(0, ext(ProtoTCP, 1, ok)))),
		cut("TCP header not captured", 53, eth(0x0800, ip4(ProtoTCP, ok))),
		cut("UDP header not captured", 41, eth(0x0800, ip4(ProtoUDP, udp(53, nil)))),
		cut("ICMP header not captured", 41, eth(0x0800, ip4(ProtoICMP, icmp(8, 0, "")))),
		cut("VXLAN header not captured", 45, tunnel),
		cut("packet in VXLAN not captured", 60, tunnel),
		cut("Geneve header not captured", 49, geneve),
		cut("Geneve options not captured", 57, geneve),
		bad("IPv4 in IPv4, of version 6", Malformed, eth(0x0800, ip4(4, ip6(ProtoTCP, ok)))),
		bad("IPv6 in IPv4, too short", Malformed, eth(0x0800, ip4(41, ip6(ProtoTCP, nil)[:39]))),
		cut("packet in IPv4 not captured", 50, eth(0x0800, ip4(4, ip4(ProtoTCP, ok)))),
		cut("GRE header not captured", 36, eth(0x0800, ip4(47, gre(0, 0x0800, nil, ip4(ProtoTCP, ok))))),
		cut("GRE key not captured", 41, eth(0x0800, ip4(47, gre(0x2000, 0x0800, u32(9), ip4(ProtoTCP, ok))))),
		{name: "raw, version 5", link: LinkRaw, frame: []byte{0x50}, want: fields{err: NotIP}},
		{name: "raw, empty", link: LinkRaw, want: fields{err: Malformed}},
		{name: "null, AppleTalk", link: LinkNull, frame: join([]byte{16, 0, 0, 0}, ok), want: fields{err: NotIP}},
		{name: "null, short", link: LinkNull, frame: []byte{2, 0, 0}, want: fields{err: Malformed}},
		{name: "cooked, short", link: LinkCooked, frame: make([]byte, 15), want: fields{err: Malformed}},
		{name: "cooked, ARP", link: LinkCooked, frame: cooked(0, 0x0806, nil), want: fields{err: NotIP}},
		{name: "cooked 2, short", link: LinkCooked2, frame: make([]byte, 19), want: fields{err: Malformed}},
		{name: "IEEE 802.11", link: 105, frame: make([]byte, 60), want: fields{err: UnknownLink}},
	}
}
