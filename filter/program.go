package filter

// Program is a compiled rule text. It is immutable and safe for concurrent
// use.
type Program struct {
	rules    []rule
	start    *step
	warnings []Warning
}

type rule struct {
	text *node // as written
	tree *node // expanded
}

// Compile parses, checks and compiles a rule text. An empty text has no
// rules. Every error is an [*Error].
func Compile(src string) (*Program, error) {
	trees, warnings, err := parse(src)
	if err != nil {
		return nil, err
	}
	c := &checker{keys: vocabulary(), warnings: warnings}
	p := &Program{}
	for _, tree := range trees {
		if err := c.checkRule(tree); err != nil {
			return nil, err
		}
		p.rules = append(p.rules, rule{tree, expander{c}.expand(tree)})
	}
	p.warnings = c.warnings
	p.start = link(p.lower(newLowering()))
	return p, nil
}

func (p *Program) lower(l *lowering) ([]rung, Target) {
	next := Keep
	for i := len(p.rules) - 1; i >= 0; i-- {
		next = l.rule(p.rules[i].tree, Drop(i), next, true)
	}
	return l.finish(next)
}

// Match returns the index of the first rule that is true of a packet, -1 if
// none is.
func (p *Program) Match(packet *Packet) int { return p.start.run(packet) }

// Headers returns what can be decided without user space. known are the
// values of keys of type str that are the same for every packet there, such
// as "nic". The decision never drops what Match does not.
func (p *Program) Headers(known map[string]string) Decision {
	l := newLowering()
	l.headers, l.known = true, Values{}
	for key, text := range known {
		l.known[key] = text
	}
	rungs, start := p.lower(l)
	d := Decision{Start: start, Exact: l.exact}
	for _, s := range rungs {
		d.Tests = append(d.Tests, s.Test)
	}
	return d
}

// Uses reports whether a rule looks at the key, or at one that means it and
// the other side, so that values that are hard to find may be left out.
func (p *Program) Uses(key string) bool {
	for _, r := range p.rules {
		if r.tree.uses(key) {
			return true
		}
	}
	return false
}

func (n *node) uses(key string) bool {
	if n.op == "key" && n.name == key {
		return true
	}
	for _, kid := range n.kids {
		if kid.uses(key) {
			return true
		}
	}
	return false
}

// Len is the number of rules.
func (p *Program) Len() int { return len(p.rules) }

// Rule returns rule i fully parenthesised.
func (p *Program) Rule(i int) string { return p.rules[i].text.String() }

// Position is where rule i begins in the text.
func (p *Program) Position(i int) Position { return p.rules[i].text.begin() }

// Warnings are the rules that may not mean what their author thinks.
func (p *Program) Warnings() []Warning { return p.warnings }
