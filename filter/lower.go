package filter

// lowering turns a checked and expanded tree into rungs of a graph.
type lowering struct {
	*graph
	done map[lowered]Target

	// headers is for a kernel: what needs more than fields is weakened, so
	// that the decision drops less, never more. known are values of keys that
	// are the same for all packets there.
	headers bool
	known   Values
	exact   bool // nothing was weakened
	probing bool // only to learn whether something would be
}

// lowered is a node with its targets: what is made once for them.
type lowered struct {
	n       *node
	yes, no Target
	drops   bool
}

func newLowering() *lowering {
	return &lowering{graph: newGraph(), done: map[lowered]Target{}, exact: true}
}

// rule adds the steps of a node of type bool. drops tells which way a
// weakened part of it has to fall: whether it is yes that drops.
func (l *lowering) rule(n *node, yes, no Target, drops bool) Target {
	key := lowered{n, yes, no, drops}
	if at, ok := l.done[key]; ok {
		return at
	}
	at := l.build(n, yes, no, drops)
	l.done[key] = at
	return at
}

func (l *lowering) build(n *node, yes, no Target, drops bool) Target {
	switch n.op {
	case "bool":
		return choose(n.name == "true", yes, no)
	case "key":
		return l.among(n.key.flag[0].field, n.key.flag, yes, no)
	case "!":
		return l.rule(n.kids[0], no, yes, !drops)
	case "&&":
		return l.rule(n.kids[0], l.rule(n.kids[1], yes, no, drops), no, drops)
	case "||":
		return l.rule(n.kids[0], yes, l.rule(n.kids[1], yes, no, drops), drops)
	case "in":
		return l.in(n, yes, no, drops)
	case "call":
		return l.function(n, yes, no, drops)
	case "!=":
		equal := *n
		equal.op = "=="
		return l.rule(&equal, no, yes, !drops)
	}
	switch n.kids[0].typ {
	case TypeBool:
		if l.headers && !l.probing && !l.fits(n) {
			return l.weaken(yes, no, drops)
		}
		right := n.kids[1]
		return l.rule(n.kids[0], l.rule(right, yes, no, drops), l.rule(right, no, yes, drops), drops)
	case TypeInt:
		return l.compare(n, yes, no)
	default:
		return l.equal(n, yes, no, drops)
	}
}

func choose(which bool, yes, no Target) Target {
	if which {
		return yes
	}
	return no
}

// weaken is for a part that cannot be decided.
func (l *lowering) weaken(yes, no Target, drops bool) Target {
	l.exact = false
	return choose(drops, no, yes)
}

// fits reports whether n is decided by fields and known values alone. A
// comparison of bool with bool that is not is weakened as a whole, because
// its parts count both ways.
func (l *lowering) fits(n *node) bool {
	probe := newLowering()
	probe.headers, probe.known, probe.probing = true, l.known, true
	probe.rule(n, Drop(0), Keep, true)
	return probe.exact
}

// other adds what no test decides: f, which evaluates n.
func (l *lowering) other(n *node, f func(*Packet) bool, yes, no Target, drops bool) Target {
	switch {
	case !l.headers:
		return l.call(f, yes, no)
	case l.known.have(n):
		return choose(l.known.eval(n).(bool), yes, no)
	default:
		return l.weaken(yes, no, drops)
	}
}
