package socketfilter

import (
	"github.com/cilium/ebpf/asm"

	"datakit.dev/agent/filter"
)

// link reads the Ethernet header and tags, and goes on by ethertype.
func (x *extended) link() {
	enough := x.fresh()
	x.fetch(linkAt, firstRead)
	x.add(asm.JEq.Imm(asm.R0, 0, enough))
	x.read(linkAt, ethernetHeader)
	x.add(asm.Add.Imm(offset, ethernetHeader))
	x.read(ipAt, ipv4Header)
	x.add(asm.Sub.Imm(offset, ethernetHeader))
	x.at(enough)
	x.store(filter.SrcMAC, filter.DstMAC, func() {
		x.mac(asm.R1, linkAt+6)
		x.mac(asm.R2, linkAt)
	})
	x.load(kind, linkAt+12, asm.Half)
	x.add(asm.Add.Imm(offset, ethernetHeader))

	untagged := x.fresh()
	if !x.inside {
		x.add( // the tag that the kernel took off is the outermost one
			asm.LoadMem(asm.R1, ctx, x.metadata.vlanPresent, asm.Word),
			asm.JEq.Imm(asm.R1, 0, untagged),
			asm.LoadMem(asm.R1, ctx, x.metadata.vlanTCI, asm.Word),
			asm.And.Imm(asm.R1, vlanMask),
			asm.StoreMem(asm.RFP, slot(filter.VLAN), asm.R1, asm.DWord),
		)
	}
	x.at(untagged)
	for i := range maxTags {
		tagged := x.fresh()
		x.isOneOf(kind, tagged, tags()...)
		x.network(i > 0)
		x.at(tagged)
		x.tag()
	}
	x.isOneOf(kind, atKeep, tags()...)
	x.network(true)
}

// network goes on by ethertype. The header of IPv4 is there already unless
// tags have moved it.
func (x *extended) network(tagged bool) {
	x.add(asm.JEq.Imm(kind, etherIPv6, x.here(atIPv6)), asm.JNE.Imm(kind, etherIPv4, atIgnore))
	if tagged {
		x.readIPv4()
	}
	x.add(asm.Ja.Label(x.here(atIPv4)))
}

// tag reads a tag in the frame. One of id 0 is a priority only, those in
// tunnels are skipped.
func (x *extended) tag() {
	x.read(tagAt, vlanTag)
	x.load(kind, tagAt+2, asm.Half)
	x.add(asm.Add.Imm(offset, vlanTag))
	if x.inside {
		return
	}
	done, outer := x.fresh(), x.fresh()
	x.load(asm.R1, tagAt, asm.Half)
	x.add(
		asm.And.Imm(asm.R1, vlanMask),
		asm.JEq.Imm(asm.R1, 0, done),
		asm.LoadMem(asm.R2, asm.RFP, slot(filter.VLAN), asm.DWord),
		asm.JEq.Imm(asm.R2, 0, outer),
		asm.LoadMem(asm.R2, asm.RFP, slot(filter.InnerVLAN), asm.DWord),
		asm.JNE.Imm(asm.R2, 0, done),
		asm.StoreMem(asm.RFP, slot(filter.InnerVLAN), asm.R1, asm.DWord),
		asm.Ja.Label(done),
	)
	x.at(outer)
	x.add(asm.StoreMem(asm.RFP, slot(filter.VLAN), asm.R1, asm.DWord))
	x.at(done)
}

// mac reads an Ethernet address from the stack.
func (x *extended) mac(dst asm.Register, from int16) {
	if from%4 == 0 {
		x.load(dst, from, asm.Word)
		x.load(asm.R3, from+4, asm.Half)
		x.add(asm.LSh.Imm(dst, 16))
	} else {
		x.load(dst, from, asm.Half)
		x.load(asm.R3, from+2, asm.Word)
		x.add(asm.LSh.Imm(dst, 32))
	}
	x.add(
		asm.Or.Reg(dst, asm.R3),
		asm.LoadImm(asm.R3, filter.MACPresent, asm.DWord),
		asm.Or.Reg(dst, asm.R3),
	)
}
