package socketfilter

import (
	"math"

	"golang.org/x/net/bpf"

	"datakit.dev/agent/filter"
)

// operand is how a field is read. Values of up to 32 bits are numbers in
// memory or constants; of others the halves are read from the frame.
type operand struct {
	memory int    // of a number; -1: constant
	number uint64 // constant
	// half loads the upper (0) or lower (1) 32 bits into A. It is set for
	// fields that a packet of this family has, 0: of any; others are 0.
	half   func(which int)
	family uint32
}

// operand returns how to read a field.
func (x *classic) operand(f filter.Field) operand {
	switch f {
	case filter.Family:
		return operand{memory: memFamily}
	case filter.Proto:
		return operand{memory: memProto}
	case filter.SrcPort:
		return operand{memory: memSrcPort}
	case filter.DstPort:
		return operand{memory: memDstPort}
	case filter.VLAN:
		return operand{memory: memVLAN}
	case filter.InnerVLAN:
		return operand{memory: memInnerVLAN}
	case filter.SrcIPv4:
		return x.ipv4Address(memSrcIP)
	case filter.DstIPv4:
		return x.ipv4Address(memDstIP)
	case filter.SrcIPv6Hi:
		return x.ipv6Half(memSrcIP, 0)
	case filter.SrcIPv6Lo:
		return x.ipv6Half(memSrcIP, 8)
	case filter.DstIPv6Hi:
		return x.ipv6Half(memDstIP, 0)
	case filter.DstIPv6Lo:
		return x.ipv6Half(memDstIP, 8)
	case filter.SrcMAC:
		return x.mac(memSrcMAC)
	case filter.DstMAC:
		return x.mac(memDstMAC)
	default: // of tunnels, which are kept
		return operand{memory: -1}
	}
}

// from loads size bytes behind an offset in memory.
func (x *classic) from(m int, off uint32, size int) {
	x.add(bpf.LoadScratch{Dst: bpf.RegX, N: m}, bpf.LoadIndirect{Off: off, Size: size})
}

func (x *classic) ipv4Address(m int) operand {
	return operand{family: 4, half: func(which int) {
		if which == 0 {
			x.add(bpf.LoadConstant{Dst: bpf.RegA, Val: filter.IPv4Present >> 32})
		} else {
			x.from(m, 0, 4)
		}
	}}
}

func (x *classic) ipv6Half(m int, off uint32) operand {
	return operand{family: 6, half: func(which int) { x.from(m, off+4*uint32(which), 4) }}
}

func (x *classic) mac(m int) operand {
	if !x.ethernet {
		return operand{memory: -1, number: filter.MACPresent}
	}
	return operand{half: func(which int) {
		if which == 0 {
			x.from(m, 0, 2)
			x.add(bpf.ALUOpConstant{Op: bpf.ALUOpOr, Val: filter.MACPresent >> 32})
		} else {
			x.from(m, 2, 4)
		}
	}}
}

// holds is the test for a difference.
func holds(t filter.Test, difference uint64) bool { return difference-t.Lo <= t.Span }

func choose(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

// test adds a test of the decision.
func (x *classic) test(t filter.Test, yes, no string) {
	a := x.operand(t.A)
	if t.B != filter.None {
		x.compare(t, a, x.operand(t.B), yes, no)
		return
	}
	lo, hi := t.Lo, t.Lo+t.Span
	switch {
	case a.half == nil && a.memory < 0:
		x.jump(choose(holds(t, a.number), yes, no))
	case a.half == nil:
		if lo > math.MaxUint32 {
			x.jump(no)
			return
		}
		x.get(a.memory)
		x.within(uint32(lo), uint32(min(hi, math.MaxUint32)), yes, no)
	default:
		x.ifPresent(a, choose(holds(t, 0), yes, no))
		x.wide(a, lo, hi, yes, no)
	}
}

// ifPresent jumps when the packet does not have the field.
func (x *classic) ifPresent(a operand, absent string) {
	if a.family != 0 {
		x.get(memFamily)
		x.jumpIf(bpf.JumpEqual, a.family, next, absent)
	}
}

// within tests A against a range.
func (x *classic) within(lo, hi uint32, yes, no string) {
	switch {
	case lo == 0 && hi == math.MaxUint32:
		x.jump(yes)
	case lo == hi:
		x.jumpIf(bpf.JumpEqual, lo, yes, no)
	case lo == 0:
		x.jumpIf(bpf.JumpGreaterThan, hi, no, yes)
	case hi == math.MaxUint32:
		x.jumpIf(bpf.JumpGreaterOrEqual, lo, yes, no)
	default:
		x.jumpIf(bpf.JumpGreaterOrEqual, lo, next, no)
		x.jumpIf(bpf.JumpGreaterThan, hi, no, yes)
	}
}

// wide tests a field of more than 32 bits against a range.
func (x *classic) wide(a operand, lo, hi uint64, yes, no string) {
	first, last := uint32(lo>>32), uint32(hi>>32)
	a.half(0)
	if first == last {
		x.jumpIf(bpf.JumpEqual, first, next, no)
		a.half(1)
		x.within(uint32(lo), uint32(hi), yes, no)
		return
	}
	low, high := x.fresh(), x.fresh()
	x.jumpIf(bpf.JumpEqual, first, low, next)
	x.jumpIf(bpf.JumpEqual, last, high, next)
	x.within(first, last, yes, no) // neither of the ends is left
	x.at(low)
	a.half(1)
	x.jumpIf(bpf.JumpGreaterOrEqual, uint32(lo), yes, no)
	x.at(high)
	a.half(1)
	x.jumpIf(bpf.JumpGreaterThan, uint32(hi), no, yes)
}

// compare tests the difference of two fields: of numbers how they compare, of
// others, which are of one kind, whether they are equal.
func (x *classic) compare(t filter.Test, a, b operand, yes, no string) {
	equal := choose(holds(t, 0), yes, no)
	if a.half != nil {
		differ := choose(holds(t, 1), yes, no)
		x.ifPresent(a, equal)
		for which := range 2 {
			b.half(which)
			x.store(memScratch)
			a.half(which)
			x.add(bpf.LoadScratch{Dst: bpf.RegX, N: memScratch})
			if which == 0 {
				x.jumpIfX(bpf.JumpEqual, next, differ)
			} else {
				x.jumpIfX(bpf.JumpEqual, equal, differ)
			}
		}
		return
	}
	x.load(b)
	x.add(bpf.TAX{})
	x.load(a)
	x.jumpIfX(bpf.JumpEqual, equal, next)
	x.jumpIfX(bpf.JumpGreaterThan, choose(holds(t, 1), yes, no), choose(holds(t, math.MaxUint64), yes, no))
}

// load loads a number into A.
func (x *classic) load(o operand) {
	if o.memory < 0 {
		x.add(bpf.LoadConstant{Dst: bpf.RegA, Val: uint32(o.number)})
	} else {
		x.get(o.memory)
	}
}
