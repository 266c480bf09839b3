package pcap

import (
	"math"

	"datakit.dev/agent/netlog/packet"
)

// file is a capture file and what is in it.
type file struct {
	name       string
	data       []byte
	records    []Record
	interfaces []Interface
	err        string // what ends it; "" for io.EOF
	cut        bool   // that is io.ErrUnexpectedEOF
	open       bool   // NewReader says so already
}

const second = uint64(1700000000)

func rec(time int64, wire int, data string) Record {
	return Record{Time: time, Link: packet.LinkEthernet, Wire: wire, Data: []byte(data)}
}

func eth(name string) Interface { return Interface{Name: name, Link: packet.LinkEthernet} }

// whole lists files that are as they should be.
func whole() []file {
	const t, micro, nano = int64(1700000000e9), int64(1700000000123456000), int64(1700000000123456789)
	one := []Interface{{Link: packet.LinkEthernet, SnapLen: 65535}}
	two := []Record{rec(micro, 60, "abc"), rec(t+1e9, 4, "four")}
	twoNano := []Record{rec(nano, 60, "abc"), rec(t+1e9, 4, "four")}
	var all []file
	for _, m := range []struct {
		name string
		maker
	}{{"little-endian", little}, {"big-endian", big}} {
		add := func(name string, data []byte, records []Record, interfaces ...Interface) {
			all = append(all, file{name: name + ", " + m.name, data: data, records: records, interfaces: interfaces})
		}
		add("pcap", m.pcap(magicMicro, 65535, 1, m.record(uint32(second), 123456, 60, "abc"), m.record(uint32(second)+1, 0, 4, "four")), two, one...)
		add("pcap in nanoseconds", m.pcap(magicNano, 65535, 1, m.record(uint32(second), 123456789, 60, "abc"), m.record(uint32(second)+1, 0, 4, "four")), twoNano, one...)
		add("pcap without records", m.pcap(magicMicro, 65535, 1), nil, one...)
		add("pcap with a checksum behind frames", m.pcap(magicMicro, 65535, 0x24000001), nil, one...)
		add("pcap, less on the wire than captured", m.pcap(magicMicro, 65535, 1, m.record(uint32(second), 0, 2, "four")), []Record{rec(t, 4, "four")}, one...)

		add("section", m.section(), nil)
		add("section with options", m.section(m.option(4, []byte("an application")), m.option(0, nil)), nil)
		add("enhanced packets", join(m.section(), m.iface(1, 0), m.packet(0, second*1e6+123456, 60, "abc"), m.packet(0, (second+1)*1e6, 4, "four")),
			two, eth(""))
		in, out := rec(nano, 60, "abc"), rec(nano+1, 4, "four")
		in.Dir, out.Dir, out.Interface, out.Dropped = packet.Rx, packet.Tx, 1, 9
		add("two interfaces, directions, drops", join(m.section(),
			m.iface(1, 0, m.option(2, []byte("eth0")), m.option(9, []byte{9}), m.option(0, nil)),
			m.iface(1, 128, m.option(2, []byte("eth1")), m.option(9, []byte{9})),
			m.packet(0, second*1e9+123456789, 60, "abc", m.option(2, m.u32(1)), m.option(0, nil)),
			m.packet(1, second*1e9+123456790, 4, "four", m.option(1, []byte("a comment")), m.option(2, m.u32(2)), m.option(4, m.u64(9)))),
			[]Record{in, out}, eth("eth0"), Interface{Name: "eth1", Link: packet.LinkEthernet, SnapLen: 128})
		resolution := func(v byte, units uint64) []byte {
			return join(m.section(), m.iface(1, 0, m.option(9, []byte{v})), m.packet(0, units, 1, "x"))
		}
		add("milliseconds", resolution(3, second*1e3+123), []Record{rec(t+123e6, 1, "x")}, eth(""))
		add("seconds", resolution(0, second), []Record{rec(t, 1, "x")}, eth(""))
		add("picoseconds", resolution(12, 1234567890123456), []Record{rec(1234567890123, 1, "x")}, eth(""))
		add("1/1024 seconds", resolution(0x8a, second<<10|512), []Record{rec(t+5e8, 1, "x")}, eth(""))
		add("2^-32 seconds", resolution(0xa0, second<<32|1<<30), []Record{rec(t+25e7, 1, "x")}, eth(""))
		add("absurdly fine", resolution(0xff, math.MaxUint64), []Record{rec(0, 1, "x")}, eth(""))
		add("offset of a day", join(m.section(), m.iface(1, 0, m.option(14, m.u64(second-86400))), m.packet(0, 86400e6, 1, "x")),
			[]Record{rec(t, 1, "x")}, eth(""))
		add("simple packets", join(m.section(), m.iface(1, 4), m.block(blockSimple, m.u32(60), []byte("fourcut")), m.block(blockSimple, m.u32(2), []byte("ab"))),
			[]Record{rec(0, 60, "four"), rec(0, 2, "ab")}, Interface{Link: packet.LinkEthernet, SnapLen: 4})
		old := rec(micro, 60, "abc")
		old.Dropped = 3
		add("obsolete packets", join(m.section(), m.iface(1, 0),
			m.block(blockPacket, m.u16(0), m.u16(3), m.u32(uint32((second*1e6+123456)>>32)), m.u32(uint32((second*1e6+123456)&math.MaxUint32)), m.u32(3), m.u32(60), []byte("abc")),
			m.block(blockPacket, m.u16(0), m.u16(0xffff), m.u32(0), m.u32(0), m.u32(1), m.u32(1), []byte("x"))),
			[]Record{old, rec(0, 1, "x")}, eth(""))
		add("unknown blocks", join(m.section(), m.block(0x0bad, []byte("what is this")), m.iface(1, 0), m.block(4, m.u16(0), m.u16(0)), m.packet(0, 0, 1, "x"), m.block(0xa, make([]byte, 300000))),
			[]Record{rec(0, 1, "x")}, eth(""))
		add("statistics", join(m.section(), m.iface(1, 0),
			m.block(blockStatistics, m.u32(0), m.u32(0), m.u32(0), m.option(4, m.u64(11)), m.option(5, m.u64(2))),
			m.block(blockStatistics, m.u32(0), m.u32(0), m.u32(0), m.option(5, m.u64(3)), m.option(0, nil))),
			nil, Interface{Link: packet.LinkEthernet, Received: 11, Dropped: 3})
	}
	second1 := rec(t, 1, "y")
	second1.Interface, second1.Link = 1, packet.LinkRaw
	all = append(all, file{
		name: "two sections of different order",
		data: join(little.section(), little.iface(1, 0, little.option(2, []byte("a"))), little.packet(0, 1000, 1, "x"),
			big.section(), big.iface(101, 0, big.option(2, []byte("b"))), big.packet(0, second*1e6, 1, "y")),
		records:    []Record{rec(1e6, 1, "x"), second1},
		interfaces: []Interface{eth("a"), {Name: "b", Link: packet.LinkRaw}},
	})
	return all
}

// damaged lists files with a mistake, and where it is.
func damaged() []file {
	m := little
	head := join(m.section(), m.iface(1, 0))
	good := m.packet(0, 0, 1, "x")
	x := []Record{rec(0, 1, "x")}
	change := func(b []byte, at int, v byte) []byte {
		b = append([]byte(nil), b...)
		b[at] = v
		return b
	}
	p := m.pcap(magicMicro, 0, 1)
	return []file{
		{name: "empty", err: "read capture: neither pcap nor pcapng: only 0 bytes", open: true},
		{name: "two bytes", data: []byte{1, 2}, err: "read capture: neither pcap nor pcapng: only 2 bytes", open: true},
		{name: "text", data: []byte("hello world"), err: "read capture: neither pcap nor pcapng: begins with 68 65 6c 6c", open: true},
		{name: "version 3", data: change(p, 4, 3), err: "read capture at byte 0: version 3.4 of pcap, want 2.x", open: true},
		{name: "header cut", data: p[:20], err: "read capture at byte 0: file header is cut: unexpected EOF", cut: true, open: true},
		{name: "record header cut", data: join(p, m.record(0, 0, 1, "x"), make([]byte, 10)), records: x, err: "read capture at byte 41: record header is cut: unexpected EOF", cut: true},
		{name: "record cut", data: join(p, m.record(0, 0, 1, "x"), m.record(0, 0, 9, "123456789")[:20]), records: x, err: "read capture at byte 41: record is cut: unexpected EOF", cut: true},
		{name: "huge record", data: join(p, m.u32(0), m.u32(0), m.u32(1<<30), m.u32(1<<30)), err: "read capture at byte 24: record of 1073741824 bytes, at most 16777216 are possible"},

		{name: "section cut", data: m.section()[:20], err: "read capture at byte 0: section header is cut: unexpected EOF", cut: true, open: true},
		{name: "no byte order", data: change(m.section(), 8, 0), err: "read capture at byte 0: byte order magic is 00 3c 2b 1a", open: true},
		{name: "pcapng version 2", data: change(m.section(), 12, 2), err: "read capture at byte 0: version 2.0 of pcapng, want 1.x", open: true},
		{name: "block cut", data: join(head, good, good[:20]), records: x, err: "read capture at byte 84: block is cut: unexpected EOF", cut: true},
		{name: "block header cut", data: join(head, good, good[:7]), records: x, err: "read capture at byte 84: block header is cut: unexpected EOF", cut: true},
		{name: "odd length", data: join(head, change(good, 4, 35)), err: "read capture at byte 48: block of 35 bytes; allowed are multiples of 4 from 12 to 16777216"},
		{name: "huge block", data: join(head, change(good, 7, 0x7f)), err: "read capture at byte 48: block of 2130706468 bytes; allowed are multiples of 4 from 12 to 16777216"},
		{name: "lengths differ", data: join(head, change(good, 32, 40)), err: "read capture at byte 48: block of 36 bytes ends as one of 40"},
		{name: "unknown interface", data: join(head, m.packet(1, 0, 1, "x")), err: "read capture at byte 48: packet of interface 1; the section has described 1"},
		{name: "packet longer than its block", data: join(head, change(good, 20, 5)), err: "read capture at byte 48: packet of 5 bytes in a block with room for 4"},
		{name: "packet without its header", data: join(head, m.block(blockEnhanced, make([]byte, 16))), err: "read capture at byte 48: packet block without its header"},
		{name: "obsolete packet without its header", data: join(head, m.block(blockPacket, make([]byte, 16))), err: "read capture at byte 48: packet block without its header"},
		{name: "option longer than its block", data: join(head, m.packet(0, 0, 1, "x", m.u16(1), m.u16(9))), err: "read capture at byte 48: option 1 of 9 bytes, 0 are left"},
		{name: "simple packet before an interface", data: join(m.section(), m.block(blockSimple, m.u32(1), []byte("x"))), err: "read capture at byte 28: simple packet block before any interface"},
		{name: "simple packet without its length", data: join(head, m.block(blockSimple)), err: "read capture at byte 48: simple packet block without its length"},
		{name: "interface without its header", data: join(m.section(), m.block(blockInterface)), err: "read capture at byte 28: interface block without its header"},
		{name: "statistics without their header", data: join(head, m.block(blockStatistics)), err: "read capture at byte 48: statistics block without its header"},
		{name: "statistics of no interface", data: join(head, m.block(blockStatistics, m.u32(7), m.u64(0))), err: "read capture at byte 48: statistics of interface 7; the section has described 1"},
	}
}
