package socketfilter

import (
	"github.com/cilium/ebpf/asm"

	"datakit.dev/agent/filter"
)

func (x *extended) set(f filter.Field, value int32) {
	x.add(asm.Mov.Imm(asm.R1, value), asm.StoreMem(asm.RFP, slot(f), asm.R1, asm.DWord))
}

func (x *extended) ipv4() {
	x.at(atIPv4)
	x.read(ipv4Header)
	x.set(filter.Family, 4)
	x.load(kind, buffer+9, asm.Byte)
	x.add(asm.StoreMem(asm.RFP, slot(filter.Proto), kind, asm.DWord))
	x.isOneOf(kind, "tracked4", protoTCP, protoUDP, protoICMP)
	x.add(asm.Ja.Label(atIgnore))
	x.at("tracked4")
	x.load(asm.R1, buffer+12, asm.Word)
	x.load(asm.R2, buffer+16, asm.Word)
	x.add(
		asm.LoadImm(asm.R3, filter.IPv4Present, asm.DWord),
		asm.Or.Reg(asm.R1, asm.R3),
		asm.Or.Reg(asm.R2, asm.R3),
	)
	x.store(filter.SrcIPv4, filter.DstIPv4)

	x.load(asm.R1, buffer+6, asm.Half)
	x.load(asm.R2, buffer, asm.Byte)
	x.add(
		asm.Mov.Reg(asm.R3, asm.R2),
		asm.RSh.Imm(asm.R3, 4),
		asm.JNE.Imm(asm.R3, 4, atKeep),
		asm.And.Imm(asm.R2, 0x0f),
		asm.LSh.Imm(asm.R2, 2),
		asm.JLT.Imm(asm.R2, ipv4Header, atKeep),
		asm.Add.Reg(offset, asm.R2),
		asm.And.Imm(asm.R1, offsetMask), // later fragments have no ports
		asm.JNE.Imm(asm.R1, 0, atDecide),
		asm.JEq.Imm(kind, protoICMP, atDecide),
		asm.Ja.Label(atPorts),
	)
}

func (x *extended) ipv6() {
	x.at(atIPv6)
	x.read(ipv6Header)
	x.set(filter.Family, 6)
	x.load(asm.R1, buffer, asm.Byte)
	x.load(kind, buffer+6, asm.Byte)
	x.add(
		asm.RSh.Imm(asm.R1, 4),
		asm.JNE.Imm(asm.R1, 6, atKeep),
		asm.StoreMem(asm.RFP, slot(filter.Proto), kind, asm.DWord),
	)
	x.isOneOf(kind, "tracked6", protoTCP, protoUDP, protoICMPv6)
	x.isOneOf(kind, atKeep, extensions()...)
	x.add(asm.Ja.Label(atIgnore))
	x.at("tracked6")
	x.load(asm.R1, buffer+8, asm.DWord)
	x.load(asm.R2, buffer+24, asm.DWord)
	x.store(filter.SrcIPv6Hi, filter.DstIPv6Hi)
	x.load(asm.R1, buffer+16, asm.DWord)
	x.load(asm.R2, buffer+32, asm.DWord)
	x.store(filter.SrcIPv6Lo, filter.DstIPv6Lo)
	x.add(
		asm.Add.Imm(offset, ipv6Header),
		asm.JEq.Imm(kind, protoICMPv6, atDecide),
	)
}

// ports follows ipv6.
func (x *extended) ports() {
	x.at(atPorts)
	x.read(4)
	x.load(asm.R1, buffer, asm.Half)
	x.load(asm.R2, buffer+2, asm.Half)
	x.add(asm.JNE.Imm(kind, protoUDP, "plain"))
	x.isOneOf(asm.R2, atKeep, tunnels()...)
	x.at("plain")
	x.store(filter.SrcPort, filter.DstPort)
}
