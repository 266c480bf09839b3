package socketfilter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// raw is for packets that begin with their IP header.
func (x *classic) raw() {
	x.add(bpf.LoadConstant{Dst: bpf.RegX, Val: 0})
	x.need(1)
	x.add(bpf.LoadAbsolute{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
	x.jumpIf(bpf.JumpEqual, 4, atIPv4, next)
	x.jumpIf(bpf.JumpEqual, 6, atIPv6, atKeep)
}

// link reads ethertype and tags. The tag that the kernel took off is the
// outermost one; one of id 0 is a priority only.
func (x *classic) link() {
	x.add(bpf.LoadConstant{Dst: bpf.RegX, Val: 0})
	x.need(ethernetHeader)
	x.add(bpf.LoadExtension{Num: bpf.ExtVLANTagPresent})
	x.jumpIf(bpf.JumpEqual, 0, "untagged", next)
	x.add(bpf.LoadExtension{Num: bpf.ExtVLANTag}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanMask})
	x.store(memVLAN)
	x.at("untagged")
	for i := range maxTags + 1 {
		at := uint32(ethernetHeader + i*vlanTag)
		x.set(memIP, at)
		x.add(bpf.LoadAbsolute{Off: at - 2, Size: 2})
		x.jumpIf(bpf.JumpEqual, etherIPv4, atIPv4, next)
		x.jumpIf(bpf.JumpEqual, etherIPv6, atIPv6, next)
		if i == maxTags {
			break
		}
		read := fmt.Sprintf("read tag %d", i)
		x.isOneOf(read, tags()...)
		x.jump(atKeep)
		x.at(read)
		x.add(bpf.LoadConstant{Dst: bpf.RegX, Val: at})
		x.need(vlanTag)
		x.tag(at, fmt.Sprintf("tag %d", i+1))
	}
	x.jump(atKeep)
}

// tag stores the id of a tag.
func (x *classic) tag(at uint32, behind string) {
	inner := behind + " is inner"
	x.get(memVLAN)
	x.jumpIf(bpf.JumpNotEqual, 0, inner, next)
	x.add(bpf.LoadAbsolute{Off: at, Size: 2}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanMask})
	x.store(memVLAN)
	x.jump(behind)
	x.at(inner)
	x.get(memInnerVLAN)
	x.jumpIf(bpf.JumpNotEqual, 0, behind, next)
	x.add(bpf.LoadAbsolute{Off: at, Size: 2}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanMask})
	x.store(memInnerVLAN)
	x.at(behind)
}

// sides stores where the addresses are: the first at from behind X, the
// second size bytes behind it.
func (x *classic) sides(from, size uint32) {
	x.get(memSwap)
	x.add(
		bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: size},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: from},
		bpf.StoreScratch{Src: bpf.RegA, N: memSrcIP},
	)
	x.get(memSwap)
	x.add(
		bpf.ALUOpConstant{Op: bpf.ALUOpXor, Val: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: size},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: from},
		bpf.StoreScratch{Src: bpf.RegA, N: memDstIP},
	)
}

// version keeps what is not of the version of IP that was announced.
func (x *classic) version(n uint32) {
	x.add(bpf.LoadIndirect{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
	x.jumpIf(bpf.JumpEqual, n, next, atKeep)
	x.set(memFamily, n)
}

func (x *classic) ipv4() {
	x.at(atIPv4)
	x.add(bpf.LoadScratch{Dst: bpf.RegX, N: memIP})
	x.need(ipv4Header)
	x.version(4)
	x.sides(12, 4)
	x.add(bpf.LoadIndirect{Off: 9, Size: 1})
	x.store(memProto)
	x.isOneOf(atKeep, carriers()...)
	x.add(bpf.LoadIndirect{Off: 6, Size: 2}) // later fragments have no ports
	x.jumpIf(bpf.JumpBitsSet, offsetMask, atDecide, next)
	x.get(memProto)
	x.isOneOf("transport", protoTCP, protoUDP)
	x.jump(atDecide)
	x.at("transport")
	x.add(
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f},
		bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: 4},
	)
	x.jumpIf(bpf.JumpGreaterOrEqual, ipv4Header, next, atKeep)
	x.add(bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{})
	x.jump(atPorts)
}

func (x *classic) ipv6() {
	x.at(atIPv6)
	x.add(bpf.LoadScratch{Dst: bpf.RegX, N: memIP})
	x.need(ipv6Header)
	x.version(6)
	x.sides(8, 16)
	x.add(bpf.LoadIndirect{Off: 6, Size: 1})
	x.store(memProto)
	x.isOneOf(atKeep, extensions()...)
	x.isOneOf(atKeep, carriers()...)
	x.isOneOf("transport6", protoTCP, protoUDP)
	x.jump(atDecide)
	x.at("transport6")
	x.add(bpf.TXA{}, bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: ipv6Header}, bpf.TAX{})
}

// ports follows ipv6. X is where the transport header begins.
func (x *classic) ports() {
	x.at(atPorts)
	x.need(4)
	x.get(memProto)
	x.jumpIf(bpf.JumpEqual, protoUDP, next, "no tunnel")
	x.add(bpf.LoadIndirect{Off: 2, Size: 2})
	x.isOneOf(atKeep, tunnels()...)
	x.at("no tunnel")
	x.get(memSwap)
	x.jumpIf(bpf.JumpEqual, 0, "as on the wire", next)
	x.add(bpf.LoadIndirect{Off: 0, Size: 2}, bpf.StoreScratch{Src: bpf.RegA, N: memDstPort})
	x.add(bpf.LoadIndirect{Off: 2, Size: 2}, bpf.StoreScratch{Src: bpf.RegA, N: memSrcPort})
	x.jump(atDecide)
	x.at("as on the wire")
	x.add(bpf.LoadIndirect{Off: 0, Size: 2}, bpf.StoreScratch{Src: bpf.RegA, N: memSrcPort})
	x.add(bpf.LoadIndirect{Off: 2, Size: 2}, bpf.StoreScratch{Src: bpf.RegA, N: memDstPort})
}
