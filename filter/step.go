package filter

// step is one test of a program as Match walks it: linked, with the one field
// that nearly all tests look at, and a call for the others.
type step struct {
	lo, span uint64
	yes, no  *step // nil at an outcome
	call     func(*Packet) bool
	field    Field
	rule     int32 // of an outcome
}

// run walks from s to an outcome.
func (s *step) run(p *Packet) int {
	for s.yes != nil {
		switch {
		case s.call != nil:
			if s.call(p) {
				s = s.yes
			} else {
				s = s.no
			}
		case p.fields[s.field%Fields]-s.lo <= s.span:
			s = s.yes
		default:
			s = s.no
		}
	}
	return int(s.rule)
}

// link makes steps of rungs.
func link(rungs []rung, start Target) *step {
	steps := make([]step, len(rungs))
	outcomes := map[Target]*step{}
	at := func(t Target) *step {
		if t >= 0 {
			return &steps[t]
		}
		if outcomes[t] == nil {
			outcomes[t] = &step{rule: int32(t.Rule())}
		}
		return outcomes[t]
	}
	for i, r := range rungs {
		steps[i] = step{lo: r.Lo, span: r.Span, yes: at(r.Yes), no: at(r.No), call: r.call, field: r.A}
		if r.call == nil && r.B != None {
			steps[i].call = func(p *Packet) bool { return p.fields[r.A]-p.fields[r.B]-r.Lo <= r.Span }
		}
	}
	return at(start)
}
