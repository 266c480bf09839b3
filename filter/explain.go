package filter

import (
	"fmt"
	"strings"
)

// Explanation is what rules say about a packet, and why.
type Explanation struct {
	Rule int // index of the first rule that is true, -1: none is
	// Causes are what decided: for the rule that matched, or for every rule
	// up to the end when none did, the tests that made it true or false.
	Causes []Cause
}

// Cause is a test that decided about a rule.
type Cause struct {
	Rule  int
	Test  string // in the syntax of the language
	Holds bool
	Keys  string // the values it looked at: "src_port is 80"
}

// Explain evaluates the rules on values by name. Keys that are left out are
// false, 0 or "".
func (p *Program) Explain(v Values) Explanation {
	full := (&Packet{}).Values()
	for name, value := range v {
		full[name] = value
	}
	e := Explanation{Rule: -1}
	for i, r := range p.rules {
		causes := full.causes(r.tree, i)
		if full.eval(r.tree).(bool) {
			return Explanation{Rule: i, Causes: causes}
		}
		e.Causes = append(e.Causes, causes...)
	}
	return e
}

// causes are the tests of n that make it what it is.
func (v Values) causes(n *node, rule int) []Cause {
	holds := v.eval(n).(bool)
	switch {
	case n.op == "!":
		return v.causes(n.kids[0], rule)
	case n.op == "&&" || n.op == "||":
		// One part decides when it alone makes && false or || true.
		for _, kid := range n.kids {
			if holds == (n.op == "||") && v.eval(kid) == holds {
				return v.causes(kid, rule)
			}
		}
		return append(v.causes(n.kids[0], rule), v.causes(n.kids[1], rule)...)
	case n.typ == TypeBool && (n.op == "==" || n.op == "!=") && n.kids[0].typ == TypeBool:
		return append(v.causes(n.kids[0], rule), v.causes(n.kids[1], rule)...)
	default:
		return []Cause{{Rule: rule, Test: n.String(), Holds: holds, Keys: v.keysOf(n)}}
	}
}

// keysOf lists the keys of a test with their values; none for a key alone,
// whose value is what holds.
func (v Values) keysOf(n *node) string {
	var all []string
	for _, kid := range n.kids {
		if kid.op != "key" {
			continue
		}
		value := fmt.Sprint(v[kid.name])
		if kid.typ == TypeStr {
			value = quote(value)
		}
		all = append(all, kid.name+" is "+value)
	}
	return strings.Join(all, ", ")
}
