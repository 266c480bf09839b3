package socketfilter

import (
	"slices"

	"github.com/cilium/ebpf/asm"

	"datakit.dev/agent/filter"
)

// Registers of the program: R1 to R5 are used up by calls.
const (
	ctx      = asm.R6 // struct __sk_buff
	offset   = asm.R7 // of the header to be read
	kind     = asm.R8 // ethertype, then protocol, at last the rule
	received = asm.R9 // 0 when outgoing: the source is on the interface's side
)

// The stack: a word per field, the IP header with the ports behind it, the
// Ethernet header in front of it, and what is needed for a moment. Reads of
// the stack are aligned, and so is the IP header.
const (
	ipAt      = -int16(filter.Fields)*8 - 48
	linkAt    = ipAt - ethernetHeader
	tagAt     = linkAt - 2 - 8
	counterAt = tagAt - 8

	firstRead = ethernetHeader + ipv4Header + ports // all there is to know of most packets
	ports     = 4
)

// slot is where a field is on the stack.
func slot(f filter.Field) int16 { return -8 * (int16(f) + 1) }

// metadata is where struct __sk_buff of linux/bpf.h holds what is not in the
// frame.
type metadata struct{ packetType, vlanPresent, vlanTCI int16 }

func skbMetadata() metadata { return metadata{packetType: 4, vlanPresent: 20, vlanTCI: 24} }

// extended makes programs of eBPF.
type extended struct {
	assembler
	decision filter.Decision
	ethernet bool
	snap     int32
	counters int // file descriptor of the map
	metadata metadata
	counts   bool // some test leads to a rule
	inside   bool // what is made now is for a packet in a tunnel
}

// uses reports whether a test asks for one of the fields.
func (x *extended) uses(fields ...filter.Field) bool {
	return slices.ContainsFunc(x.decision.Tests, func(t filter.Test) bool {
		return slices.Contains(fields, t.A) || slices.Contains(fields, t.B)
	})
}

// Labels beside those of tests and rules. Those of headers are there once
// for the outer ones and once for those in a tunnel.
const (
	atKeep   = "keep"
	atIgnore = "ignore" // drop what is not tracked
	atCount  = "count"
	atDecide = "decide"

	atIPv4    = "ipv4"
	atIPv6    = "ipv6"
	atPorts   = "ports"
	atTunnel4 = "tunnel4"
	atTunnel6 = "tunnel6"
	atInside  = "inside"
)

// here is a label of the headers that are being read.
func (x *extended) here(label string) string {
	if x.inside {
		return label + " inside"
	}
	return label
}

// program returns the whole program. It returns the snap length to keep a
// packet, 0 to drop it.
func (x *extended) program() asm.Instructions {
	x.begin()
	if x.ethernet {
		x.link()
	} else {
		x.raw()
	}
	x.ipv4()
	x.ipv6()
	x.tunnel()
	x.inside = true
	x.at(atInside)
	x.link()
	x.ipv4()
	x.ipv6()
	x.decide()
	x.end()
	return x.all
}

func (x *extended) begin() {
	x.add(
		asm.Mov.Reg(ctx, asm.R1),
		asm.Mov.Imm(offset, 0),
		asm.Mov.Imm(received, 1),
		asm.LoadMem(asm.R1, ctx, x.metadata.packetType, asm.Word),
		asm.JNE.Imm(asm.R1, outgoing, "zero"),
		asm.Mov.Imm(received, 0),
	)
	x.at("zero")
	x.add(asm.Mov.Imm(asm.R1, 0))
	for f := range filter.Field(filter.Fields) {
		if x.uses(f) || f == filter.VLAN || f == filter.InnerVLAN { // they are read to be set
			x.add(asm.StoreMem(asm.RFP, slot(f), asm.R1, asm.DWord))
		}
	}
}

// fetch copies n bytes at offset to the stack. R0 is not 0 when the packet
// does not have them; they are 0 then. A call takes as long as all the tests
// of a few rules.
func (x *extended) fetch(to int16, n int32) {
	x.add(
		asm.Mov.Reg(asm.R1, ctx),
		asm.Mov.Reg(asm.R2, offset),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, int32(to)),
		asm.Mov.Imm(asm.R4, n),
		asm.FnSkbLoadBytes.Call(),
	)
}

// read is fetch for bytes without which a packet is kept.
func (x *extended) read(to int16, n int32) {
	x.fetch(to, n)
	x.add(asm.JNE.Imm(asm.R0, 0, atKeep))
}

// readIPv4 reads a header and four bytes behind it. A packet that ends before
// is the rest of a datagram, or refused by user space.
func (x *extended) readIPv4() {
	enough := x.fresh()
	x.fetch(ipAt, ipv4Header+ports)
	x.add(asm.JEq.Imm(asm.R0, 0, enough))
	x.read(ipAt, ipv4Header)
	x.at(enough)
}

// store sets a field of the source and one of the destination, if they are
// used, with what load puts into R1 and R2, which is as on the wire.
func (x *extended) store(src, dst filter.Field, load func()) {
	if !x.uses(src, dst) {
		return
	}
	load()
	stored := x.fresh()
	x.add(
		asm.JEq.Imm(received, 0, stored),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.Mov.Reg(asm.R1, asm.R2),
		asm.Mov.Reg(asm.R2, asm.R3),
	)
	x.at(stored)
	x.add(
		asm.StoreMem(asm.RFP, slot(src), asm.R1, asm.DWord),
		asm.StoreMem(asm.RFP, slot(dst), asm.R2, asm.DWord),
	)
}

// isOneOf jumps when a register has one of the values.
func (x *extended) isOneOf(r asm.Register, label string, values ...uint32) {
	for _, v := range values {
		x.add(asm.JEq.Imm(r, int32(v), label))
	}
}

// raw is for packets that begin with their IP header.
func (x *extended) raw() {
	x.store(filter.SrcMAC, filter.DstMAC, func() { // what they are when there are none
		x.add(asm.LoadImm(asm.R1, filter.MACPresent, asm.DWord), asm.Mov.Reg(asm.R2, asm.R1))
	})
	x.readIPv4()
	x.load(asm.R1, ipAt, asm.Byte)
	x.add(
		asm.RSh.Imm(asm.R1, 4),
		asm.JEq.Imm(asm.R1, 4, atIPv4),
		asm.JEq.Imm(asm.R1, 6, atIPv6),
		asm.Ja.Label(atIgnore),
	)
}

// count adds to the counter of the rule in kind, and drops.
func (x *extended) count() {
	x.at(atCount)
	x.add(
		asm.StoreMem(asm.RFP, counterAt, kind, asm.Word),
		asm.LoadMapPtr(asm.R1, x.counters),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, int32(counterAt)),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, atIgnore),
		asm.Mov.Imm(asm.R1, 1),
		asm.StoreXAdd(asm.R0, asm.R1, asm.DWord), // sending may be preempted on this CPU
	)
}

// end is where the paths meet.
func (x *extended) end() {
	if x.counts { // the kernel refuses what cannot be reached
		x.count()
	}
	x.at(atIgnore)
	x.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
	x.at(atKeep)
	x.add(asm.Mov.Imm(asm.R0, x.snap), asm.Return())
}
