package socketfilter

import (
	"github.com/cilium/ebpf/asm"

	"datakit.dev/agent/filter"
)

// set stores a constant, if the field is used.
func (x *extended) set(f filter.Field, value int32) {
	if x.uses(f) {
		x.add(asm.Mov.Imm(asm.R1, value), asm.StoreMem(asm.RFP, slot(f), asm.R1, asm.DWord))
	}
}

// protocol reads the protocol number and goes on with those that are tracked.
// Of others extensions are kept, and what holds packets unless it is in one.
func (x *extended) protocol(from int16, extensions []uint32, known ...uint32) {
	tracked := x.fresh()
	x.load(kind, from, asm.Byte)
	if x.uses(filter.Proto) {
		x.add(asm.StoreMem(asm.RFP, slot(filter.Proto), kind, asm.DWord))
	}
	x.isOneOf(kind, tracked, known...)
	x.isOneOf(kind, atKeep, extensions...)
	if !x.inside {
		x.isOneOf(kind, atKeep, carriers()...)
	}
	x.add(asm.Ja.Label(atIgnore))
	x.at(tracked)
}

// ipv4 finds the header and four bytes behind it on the stack.
func (x *extended) ipv4() {
	x.at(x.here(atIPv4))
	x.set(filter.Family, 4)
	x.protocol(ipAt+9, nil, protoTCP, protoUDP, protoICMP)
	x.load(asm.R4, ipAt, asm.Byte)
	x.add(
		asm.Mov.Reg(asm.R3, asm.R4),
		asm.RSh.Imm(asm.R3, 4),
		asm.JNE.Imm(asm.R3, 4, atKeep),
		asm.And.Imm(asm.R4, 0x0f),
		asm.LSh.Imm(asm.R4, 2),
		asm.JLT.Imm(asm.R4, ipv4Header, atKeep),
		asm.Add.Reg(offset, asm.R4),
	)
	x.store(filter.SrcIPv4, filter.DstIPv4, func() {
		x.load(asm.R1, ipAt+12, asm.Word)
		x.load(asm.R2, ipAt+16, asm.Word)
		x.add(
			asm.LoadImm(asm.R3, filter.IPv4Present, asm.DWord),
			asm.Or.Reg(asm.R1, asm.R3),
			asm.Or.Reg(asm.R2, asm.R3),
		)
	})
	x.load(asm.R1, ipAt+6, asm.Half)
	x.add(
		asm.And.Imm(asm.R1, offsetMask), // later fragments have no ports
		asm.JNE.Imm(asm.R1, 0, atDecide),
		asm.JEq.Imm(kind, protoICMP, atDecide),
		asm.JEq.Imm(asm.R4, ipv4Header, x.here(atPorts)),
	)
	x.read(ipAt+ipv4Header, ports) // behind options
	x.at(x.here(atPorts))
	x.ports(ipAt+ipv4Header, atTunnel4)
}

func (x *extended) ipv6() {
	x.at(x.here(atIPv6))
	x.read(ipAt, ipv6Header+ports)
	x.set(filter.Family, 6)
	x.load(asm.R1, ipAt, asm.Byte)
	x.add(asm.RSh.Imm(asm.R1, 4), asm.JNE.Imm(asm.R1, 6, atKeep))
	x.protocol(ipAt+6, extensions(), protoTCP, protoUDP, protoICMPv6)
	x.store(filter.SrcIPv6Hi, filter.DstIPv6Hi, func() {
		x.load(asm.R1, ipAt+8, asm.DWord)
		x.load(asm.R2, ipAt+24, asm.DWord)
	})
	x.store(filter.SrcIPv6Lo, filter.DstIPv6Lo, func() {
		x.load(asm.R1, ipAt+16, asm.DWord)
		x.load(asm.R2, ipAt+32, asm.DWord)
	})
	x.add(asm.Add.Imm(offset, ipv6Header), asm.JEq.Imm(kind, protoICMPv6, atDecide))
	x.ports(ipAt+ipv6Header, atTunnel6)
}

// ports stores the ports and decides, but for datagrams that may hold a
// frame. Tunnels in tunnels are not looked into.
func (x *extended) ports(from int16, tunnel string) {
	if !x.inside {
		plain := x.fresh()
		x.load(asm.R2, from+2, asm.Half)
		x.add(asm.JNE.Imm(kind, protoUDP, plain))
		x.isOneOf(asm.R2, tunnel, tunnels()...)
		x.at(plain)
	}
	x.store(filter.SrcPort, filter.DstPort, func() {
		x.load(asm.R1, from, asm.Half)
		x.load(asm.R2, from+2, asm.Half)
	})
	x.add(asm.Ja.Label(atDecide))
}
