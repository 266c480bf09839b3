package filter

// Test asks whether A - B lies in a range: A - B - Lo <= Span, in 64-bit
// arithmetic that wraps. With None as B it asks about A alone.
type Test struct {
	A, B     Field
	Lo, Span uint64
	Yes, No  Target // what follows; a test always stands before its targets
}

// Target is the index of a test, or an outcome when it is negative.
type Target int32

// Keep is the outcome of a packet that no rule matches.
const Keep Target = -1

// Drop is the outcome of a packet that rule i matches.
func Drop(i int) Target { return Target(-2 - i) }

// Rule is the rule of the outcome t: -1 for [Keep].
func (t Target) Rule() int { return int(-2 - t) }

// Decision is rules as tests on headers alone.
type Decision struct {
	Tests []Test
	Start Target
	// Exact reports that it drops all that the rules match. Otherwise rules
	// that look at more than headers were weakened: it drops less.
	Exact bool
}
