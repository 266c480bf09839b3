package filter

import "slices"

// expander replaces the keys that mean either side: port == 80 becomes
// src_port == 80 || dst_port == 80, and != the opposite of that.
type expander struct{ keys *checker }

// expand returns n without such keys. It shares nodes with n.
func (x expander) expand(n *node) *node {
	switch n.op {
	case "bool", "key":
		return n
	case "!", "&&", "||":
		return x.kids(n)
	case "==", "!=":
		if n.kids[0].typ == TypeBool {
			return x.kids(n)
		}
	}
	i := slices.IndexFunc(n.kids, func(kid *node) bool { return kid.op == "key" && kid.key.Sides != nil })
	if i < 0 {
		return n
	}
	if n.op == "!=" {
		equal := *n
		equal.op = "=="
		return &node{op: "!", pos: n.pos, typ: TypeBool, kids: []*node{x.expand(&equal)}}
	}
	var either *node
	for _, name := range n.kids[i].key.Sides {
		one := *n
		one.kids = slices.Clone(n.kids)
		one.kids[i] = &node{op: "key", pos: n.kids[i].pos, name: name, typ: n.kids[i].typ, key: x.keys.lookup(name)}
		if expanded := x.expand(&one); either == nil {
			either = expanded
		} else {
			either = &node{op: "||", pos: n.pos, typ: TypeBool, kids: []*node{either, expanded}}
		}
	}
	return either
}

func (x expander) kids(n *node) *node {
	c := *n
	c.kids = nil
	for _, kid := range n.kids {
		c.kids = append(c.kids, x.expand(kid))
	}
	return &c
}
