package filter

import (
	"cmp"
	"math"
)

// mirrored is the operator to use when the operands change sides.
func mirrored(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	default:
		return op
	}
}

// compare adds a comparison of integers other than !=.
func (l *lowering) compare(n *node, yes, no Target) Target {
	left, right, op := n.kids[0], n.kids[1], n.op
	if left.op == "int" {
		if right.op == "int" {
			return choose(holds(op, cmp.Compare(left.num, right.num)), yes, no)
		}
		left, right, op = right, left, mirrored(op)
	}
	if right.op == "int" {
		s, ok := accepted(op, right.num)
		if !ok {
			return no
		}
		return l.between(left.key.number, s.lo, s.hi, yes, no)
	}
	// Fields are below 1<<63, so that the sign of the difference tells.
	const half = math.MaxInt64
	t := Test{A: left.key.number, B: right.key.number, Yes: yes, No: no}
	switch op {
	case "==":
		t.Lo, t.Span = 0, 0
	case "<":
		t.Lo, t.Span = 1<<63, half
	case "<=":
		t.Lo, t.Span = 1<<63, half+1
	case ">":
		t.Lo, t.Span = 1, half-1
	case ">=":
		t.Lo, t.Span = 0, half
	}
	return l.test(t)
}

// holds reports whether a comparison with the result sign is true.
func holds(op string, sign int) bool {
	switch op {
	case "==":
		return sign == 0
	case "!=":
		return sign != 0
	case "<":
		return sign < 0
	case "<=":
		return sign <= 0
	case ">":
		return sign > 0
	default:
		return sign >= 0
	}
}

// accepted is the range of the values, none of them negative, for which
// "value op n" is true; none when it is not ok.
func accepted(op string, n int64) (s span, ok bool) {
	lo, hi := int64(0), int64(math.MaxInt64)
	switch op {
	case "==":
		lo, hi = n, n
	case "<":
		if n <= 0 {
			return s, false
		}
		hi = n - 1
	case "<=":
		hi = n
	case ">":
		if n == math.MaxInt64 {
			return s, false
		}
		lo = max(n+1, 0)
	case ">=":
		lo = max(n, 0)
	}
	if lo < 0 || hi < lo {
		return s, false
	}
	return span{lo: uint64(lo), hi: uint64(hi)}, true
}

// inInts adds a test of a number against a list.
func (l *lowering) inInts(f Field, items []*node, yes, no Target) Target {
	var spans []span
	for _, item := range items {
		if item.num >= 0 {
			spans = append(spans, span{f, uint64(item.num), uint64(item.num)})
		}
	}
	return l.among(f, spans, yes, no)
}
