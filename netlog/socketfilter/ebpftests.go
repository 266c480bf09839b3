package socketfilter

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"datakit.dev/agent/filter"
)

// label is where a target is.
func label(t filter.Target) string {
	switch {
	case t == filter.Keep:
		return atKeep
	case t < 0:
		return fmt.Sprintf("rule %d", t.Rule())
	default:
		return fmt.Sprintf("test %d", t)
	}
}

// decide follows ipv6: the tests, then what counts the rules.
func (x *extended) decide() {
	x.at(atDecide)
	x.add(asm.Mov.Imm(asm.R0, 0)) // a place to jump to when the first test is a rule
	x.add(asm.Ja.Label(label(x.decision.Start)))
	rules := map[filter.Target]bool{x.decision.Start: x.decision.Start < filter.Keep}
	for i, t := range x.decision.Tests {
		x.at(label(filter.Target(i)))
		x.add(asm.LoadMem(asm.R1, asm.RFP, slot(t.A), asm.DWord))
		if t.B != filter.None {
			x.add(asm.LoadMem(asm.R2, asm.RFP, slot(t.B), asm.DWord), asm.Sub.Reg(asm.R1, asm.R2))
		}
		x.sub(asm.R1, t.Lo)
		x.jumpLE(asm.R1, t.Span, label(t.Yes))
		if t.No != filter.Target(i+1) {
			x.add(asm.Ja.Label(label(t.No)))
		}
		for _, to := range []filter.Target{t.Yes, t.No} {
			rules[to] = to < filter.Keep
		}
	}
	for to, isRule := range rules {
		if isRule {
			x.at(label(to))
			x.add(asm.Mov.Imm(kind, int32(to.Rule())), asm.Ja.Label(atCount))
			x.counts = true
		}
	}
}
