package filter

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// equal adds a comparison of strings.
func (l *lowering) equal(n *node, yes, no Target, drops bool) Target {
	left, right := n.kids[0], n.kids[1]
	if left.op == "str" {
		left, right = right, left
	}
	if left.op == "key" {
		a := left.key
		switch {
		case a.addr != nil && right.op == "str":
			return l.addrIs(a.addr, right.str, yes, no)
		case a.addr != nil && right.key.addr != nil:
			return l.sameAddr(a.addr, right.key.addr, yes, no)
		case a.coded != nil && right.op == "str":
			if word, ok := a.coded.encode(right.str); ok {
				return l.between(a.coded.field, word, word, yes, no)
			}
			return no
		case a.isMAC() && right.key.isMAC():
			return l.test(Test{A: a.coded.field, B: right.key.coded.field, Yes: yes, No: no})
		}
	}
	s, t := stringOf(left), stringOf(right)
	return l.other(n, func(p *Packet) bool { return s(p) == t(p) }, yes, no, drops)
}

// stringOf evaluates a key or a literal.
func stringOf(n *node) func(*Packet) string {
	if n.op == "key" {
		return n.key.str
	}
	value := n.str
	return func(*Packet) string { return value }
}

// in adds a test against a list.
func (l *lowering) in(n *node, yes, no Target, drops bool) Target {
	subject, items := n.kids[0], n.kids[1:]
	if subject.op == "key" {
		switch k := subject.key; {
		case k.Type == TypeInt:
			return l.inInts(k.number, items, yes, no)
		case k.addr != nil:
			return l.inAddrs(subject, items, yes, no)
		case k.coded != nil:
			var spans []span
			for _, item := range items {
				if word, ok := k.coded.encode(item.str); ok {
					spans = append(spans, span{k.coded.field, word, word})
				}
			}
			return l.among(k.coded.field, spans, yes, no)
		}
	}
	if subject.op == "int" {
		return choose(slices.ContainsFunc(items, func(item *node) bool { return item.num == subject.num }), yes, no)
	}
	s := stringOf(subject)
	var set []string
	for _, item := range items {
		set = append(set, item.str)
	}
	return l.other(n, func(p *Packet) bool { return slices.Contains(set, s(p)) }, yes, no, drops)
}

// function adds a call of a function.
func (l *lowering) function(n *node, yes, no Target, drops bool) Target {
	a, b := n.kids[0], n.kids[1]
	if n.name == "ipnet_contains" && a.op == "str" && b.op == "key" && b.key.addr != nil {
		return l.inNetwork(b.key.addr, netip.MustParsePrefix(a.str), yes, no) // the checker parsed it before
	}
	s, t := stringOf(a), stringOf(b)
	f := func(p *Packet) bool { return contains(s(p), t(p)) }
	switch n.name {
	case "has_prefix":
		f = func(p *Packet) bool { return strings.HasPrefix(s(p), t(p)) }
	case "has_suffix":
		f = func(p *Packet) bool { return strings.HasSuffix(s(p), t(p)) }
	case "matches":
		pattern := regexp.MustCompile(b.str) // the checker compiled it before
		f = func(p *Packet) bool { return pattern.MatchString(s(p)) }
	}
	return l.other(n, f, yes, no, drops)
}
