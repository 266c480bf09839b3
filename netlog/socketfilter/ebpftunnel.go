package socketfilter

import (
	"github.com/cilium/ebpf/asm"

	"datakit.dev/agent/filter"
)

const (
	udpHeader    = 8
	tunnelHeader = 8 // of VXLAN, and of Geneve without options
	etherTEB     = 0x6558

	vxlanHasVNI    = 0x08
	geneveVersion  = 0xc0
	geneveWords    = 0x3f // length of the options
	geneveControl  = 0x80
	portGeneve     = 6081
	lengthAt       = ipAt + 4 // of UDP, read to where the header of IP was
	tunnelHeaderAt = ipAt + udpHeader
)

// tunnel goes on inside of a datagram for a port of VXLAN or Geneve. One that
// may be something else is kept: user space looks whether it has room for
// what it should hold.
func (x *extended) tunnel() {
	x.at(atTunnel4) // what the IP header says there is behind it
	sum := x.fresh()
	x.load(kind, ipAt+2, asm.Half)
	x.add(asm.JNE.Imm(kind, 0, sum), asm.Mov.Imm(kind, 1<<16)) // not yet segmented
	x.at(sum)
	x.load(asm.R1, ipAt, asm.Byte)
	x.add(
		asm.And.Imm(asm.R1, 0x0f),
		asm.LSh.Imm(asm.R1, 2),
		asm.Sub.Reg(kind, asm.R1),
		asm.Ja.Label("tunnel"),
	)
	x.at(atTunnel6)
	x.load(kind, ipAt+4, asm.Half)

	x.at("tunnel") // kind is how much there is, R3 becomes the size of the headers, R4 what there has to be
	x.read(ipAt, udpHeader+tunnelHeader)
	x.load(asm.R1, ipAt+2, asm.Half)
	x.load(asm.R5, tunnelHeaderAt, asm.Byte)
	x.add(asm.JEq.Imm(asm.R1, portGeneve, "geneve"))
	x.set(filter.Tunnel, filter.TunnelVXLAN)
	x.add(
		asm.And.Imm(asm.R5, vxlanHasVNI),
		asm.JEq.Imm(asm.R5, 0, atKeep),
		asm.Mov.Imm(asm.R3, udpHeader+tunnelHeader),
		asm.Mov.Imm(asm.R4, udpHeader+tunnelHeader+ethernetHeader),
		asm.Ja.Label("room"),
	)
	x.at("geneve")
	x.set(filter.Tunnel, filter.TunnelGeneve)
	x.add(
		asm.Mov.Reg(asm.R3, asm.R5),
		asm.And.Imm(asm.R5, geneveVersion),
		asm.JNE.Imm(asm.R5, 0, atKeep),
		asm.And.Imm(asm.R3, geneveWords),
		asm.LSh.Imm(asm.R3, 2),
		asm.Add.Imm(asm.R3, udpHeader+tunnelHeader),
		asm.Mov.Reg(asm.R4, asm.R3),
	)
	x.load(asm.R5, tunnelHeaderAt+1, asm.Byte)
	x.add(asm.And.Imm(asm.R5, geneveControl), asm.JNE.Imm(asm.R5, 0, atKeep))

	x.at("room")
	any := x.fresh()
	x.add(asm.JLT.Reg(kind, asm.R4, atKeep))
	x.load(asm.R5, lengthAt, asm.Half)
	x.add(asm.JEq.Imm(asm.R5, 0, any), asm.JLT.Reg(asm.R5, asm.R4, atKeep))
	x.at(any)
	x.add(asm.Add.Reg(offset, asm.R3))
	x.enter()
}

// enter forgets the outer addresses and goes to the header inside.
func (x *extended) enter() {
	if x.uses(filter.VNI) {
		x.load(asm.R2, tunnelHeaderAt+4, asm.Word)
		x.add(asm.RSh.Imm(asm.R2, 8), asm.StoreMem(asm.RFP, slot(filter.VNI), asm.R2, asm.DWord))
	}
	x.load(kind, tunnelHeaderAt+2, asm.Half) // of Geneve
	x.load(asm.R4, ipAt+2, asm.Half)
	for _, f := range []filter.Field{filter.SrcIPv4, filter.DstIPv4, filter.SrcIPv6Hi, filter.SrcIPv6Lo, filter.DstIPv6Hi, filter.DstIPv6Lo} {
		x.set(f, 0)
	}
	x.add(
		asm.JNE.Imm(asm.R4, portGeneve, atInside),
		asm.JEq.Imm(kind, etherTEB, atInside),
		asm.JEq.Imm(kind, etherIPv6, atIPv6+" inside"),
		asm.JNE.Imm(kind, etherIPv4, atKeep),
	)
	x.readIPv4()
	x.add(asm.Ja.Label(atIPv4 + " inside"))
}
