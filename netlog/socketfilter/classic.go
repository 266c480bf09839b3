package socketfilter

import (
	"fmt"

	"golang.org/x/net/bpf"

	"datakit.dev/agent/filter"
)

// Scratch memory: numbers, and where in the frame the rest is.
const (
	memSwap = iota // 1: received, the source is the second side
	memFamily
	memProto
	memSrcPort
	memDstPort
	memVLAN
	memInnerVLAN
	memIP     // offset of the IP header
	memSrcIP  // offset of the source's address
	memDstIP  //
	memSrcMAC //
	memDstMAC //
	memScratch
	memWords // the number of them, at most 16
)

// classicLimit is BPF_MAXINSNS without what capture puts in front.
const classicLimit = 4096 - 96

// classic makes classic programs.
type classic struct {
	layout
	decision filter.Decision
	ethernet bool
	keep     uint32 // result for what the rules keep: how many bytes
	drop     uint32 // and for what they drop
	labels   int    // made so far
}

// program returns the whole program. A load beyond the end of a frame drops
// it, so that lengths are looked at before.
func (x *classic) program() []bpf.Instruction {
	x.begin()
	if x.ethernet {
		x.link()
	} else {
		x.raw()
	}
	x.ipv4()
	x.ipv6()
	x.ports()
	x.at(atDecide)
	x.jump(target(x.decision.Start))
	for i, t := range x.decision.Tests {
		x.at(label(filter.Target(i)))
		x.test(t, target(t.Yes), target(t.No))
	}
	x.at(atIgnore)
	x.add(bpf.RetConstant{Val: x.drop})
	x.at(atKeep)
	x.add(bpf.RetConstant{Val: x.keep})
	return x.assemble()
}

// target is where a target is; all rules drop alike.
func target(t filter.Target) string {
	if t < filter.Keep {
		return atIgnore
	}
	return label(t)
}

// fresh makes a label.
func (x *classic) fresh() string {
	x.labels++
	return fmt.Sprintf("label %d", x.labels)
}

func (x *classic) begin() {
	x.add(bpf.LoadConstant{Dst: bpf.RegA, Val: 0})
	for m := range memWords {
		x.add(bpf.StoreScratch{Src: bpf.RegA, N: m})
	}
	x.add(bpf.LoadExtension{Num: bpf.ExtType})
	x.jumpIf(bpf.JumpEqual, outgoing, "out", next)
	x.set(memSwap, 1)
	x.set(memDstMAC, 6)
	x.jump("sides")
	x.at("out")
	x.set(memSrcMAC, 6)
	x.at("sides")
}

// set stores a constant.
func (x *classic) set(m int, value uint32) {
	x.add(bpf.LoadConstant{Dst: bpf.RegA, Val: value}, bpf.StoreScratch{Src: bpf.RegA, N: m})
}

// store stores A.
func (x *classic) store(m int) { x.add(bpf.StoreScratch{Src: bpf.RegA, N: m}) }

// get loads a word of memory into A.
func (x *classic) get(m int) { x.add(bpf.LoadScratch{Dst: bpf.RegA, N: m}) }

// need keeps a frame that does not go on for n bytes behind X.
func (x *classic) need(n uint32) {
	x.add(bpf.LoadExtension{Num: bpf.ExtLen})
	x.jumpIfX(bpf.JumpLessThan, atKeep, next)
	x.add(bpf.ALUOpX{Op: bpf.ALUOpSub})
	x.jumpIf(bpf.JumpGreaterOrEqual, n, next, atKeep)
}

// isOneOf jumps when A has one of the values.
func (x *classic) isOneOf(to string, values ...uint32) {
	for _, v := range values {
		x.jumpIf(bpf.JumpEqual, v, to, next)
	}
}
