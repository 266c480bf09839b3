package filter

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// checker gives every node its type, or says why it has none.
type checker struct {
	keys     []key
	warnings []Warning
}

// names lists keys for error messages.
func names(keys []key) string {
	var all []string
	for _, k := range keys {
		all = append(all, k.Name)
	}
	return strings.Join(all, ", ")
}

func (c *checker) lookup(name string) *key {
	i := slices.IndexFunc(c.keys, func(k key) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return &c.keys[i]
}

// checkRule checks that n is a valid rule: of type bool.
func (c *checker) checkRule(n *node) error {
	if err := c.check(n); err != nil {
		return err
	}
	if n.typ != TypeBool {
		return errorAt(n.pos, "a rule must be bool, %s is %s", n, n.typ)
	}
	return nil
}

func (c *checker) check(n *node) error {
	for _, kid := range n.kids {
		if err := c.check(kid); err != nil {
			return err
		}
	}
	switch n.op {
	case "bool":
		n.typ = TypeBool
	case "int":
		n.typ = TypeInt
	case "str":
		n.typ = TypeStr
	case "nil":
		return errorAt(n.pos, `%s is no value here: absent keys are "", 0 or false`, n.name)
	case "float":
		return errorAt(n.pos, "number %s is no 64-bit integer; decimal, 0x and leading-0 octal are understood", n.name)
	case "key":
		if n.key = c.lookup(n.name); n.key == nil {
			return errorAt(n.pos, "unknown name %s; the keys are %s", n.name, names(c.keys))
		}
		n.typ = n.key.Type
	case "call":
		return c.checkCall(n)
	case "in":
		return c.checkIn(n)
	default:
		return c.checkOperator(n)
	}
	return nil
}

func (c *checker) checkOperator(n *node) error {
	n.typ = TypeBool
	left := n.kids[0].typ
	right := n.kids[len(n.kids)-1].typ
	switch n.op {
	case "!", "&&", "||":
		for _, kid := range n.kids {
			if kid.typ != TypeBool {
				return errorAt(kid.pos, "%s needs bool, %s is %s", n.op, kid, kid.typ)
			}
		}
	case "==", "!=":
		if left != right {
			return errorAt(n.pos, "%s compares values of one type, not %s with %s", n.op, left, right)
		}
		c.warnNever(n.kids[0], n.kids[1])
		c.warnNever(n.kids[1], n.kids[0])
	default:
		if left != TypeInt || right != TypeInt {
			return errorAt(n.pos, "%s compares int with int, not %s with %s", n.op, left, right)
		}
	}
	return nil
}

func (c *checker) checkIn(n *node) error {
	n.typ = TypeBool
	subject := n.kids[0]
	if subject.typ == TypeBool {
		return errorAt(n.pos, "in needs int or str on its left, %s is bool", subject)
	}
	for _, item := range n.kids[1:] {
		if item.op != "int" && item.op != "str" {
			return errorAt(item.pos, "a list holds integers and strings, not %s", item)
		}
		if item.typ != subject.typ {
			return errorAt(item.pos, "list item %s is %s, %s is %s", item, item.typ, subject, subject.typ)
		}
		if _, isNetwork := networkIn(subject, item); !isNetwork {
			c.warnNever(subject, item)
		}
	}
	return nil
}

func (c *checker) checkCall(n *node) error {
	f, ok := lookupFunction(n.name)
	if !ok {
		return errorAt(n.pos, "unknown function %s; there are ipnet_contains, has_prefix, has_suffix and matches", n.name)
	}
	if len(n.kids) != len(f.Args) {
		return errorAt(n.pos, "%s takes %d arguments, not %d", n.name, len(f.Args), len(n.kids))
	}
	for i, arg := range n.kids {
		if arg.typ != TypeStr {
			return errorAt(arg.pos, "argument %s of %s is str, %s is %s", f.Args[i], n.name, arg, arg.typ)
		}
	}
	n.typ = TypeBool
	switch n.name {
	case "ipnet_contains":
		if net := n.kids[0]; net.op == "str" {
			if _, err := netip.ParsePrefix(net.str); err != nil {
				return errorAt(net.pos, "%s is no network in CIDR notation, such as 10.0.0.0/8", quote(net.str))
			}
		}
	case "matches":
		pattern := n.kids[1]
		if pattern.op != "str" {
			return errorAt(pattern.pos, "the pattern of matches is a literal string")
		}
		if _, err := regexp.Compile(pattern.str); err != nil {
			return errorAt(pattern.pos, "pattern of matches: %v", err)
		}
	}
	return nil
}
