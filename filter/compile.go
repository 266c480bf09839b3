package filter

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// compileBool turns a checked tree of type bool into a closure. Forms that
// rules are mostly made of get a closure of their own: a key against a
// literal costs one indirect call.
func compileBool[E any](n *node, v Vocabulary[E]) func(*E) bool {
	switch n.op {
	case "bool":
		value := n.name == "true"
		return func(*E) bool { return value }
	case "key":
		key, _ := v.lookup(n.name)
		return key.Bool
	case "!":
		inner := compileBool(n.kids[0], v)
		return func(e *E) bool { return !inner(e) }
	case "&&":
		a, b := compileBool(n.kids[0], v), compileBool(n.kids[1], v)
		return func(e *E) bool { return a(e) && b(e) }
	case "||":
		a, b := compileBool(n.kids[0], v), compileBool(n.kids[1], v)
		return func(e *E) bool { return a(e) || b(e) }
	case "in":
		return compileIn(n, v)
	case "call":
		return compileCall(n, v)
	}
	switch n.kids[0].typ {
	case TypeBool:
		a, b, equal := compileBool(n.kids[0], v), compileBool(n.kids[1], v), n.op == "=="
		return func(e *E) bool { return (a(e) == b(e)) == equal }
	case TypeInt:
		return compileIntComparison(n, v)
	default:
		return compileEquality(n, v)
	}
}

// mirrored is the operator to use when the operands change sides.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func compileIntComparison[E any](n *node, v Vocabulary[E]) func(*E) bool {
	left, right, op := n.kids[0], n.kids[1], n.op
	if left.op == "int" {
		left, right, op = right, left, mirrored[op]
	}
	a := compileInt(left, v)
	if right.op == "int" {
		want := right.num
		switch op {
		case "==":
			return func(e *E) bool { return a(e) == want }
		case "!=":
			return func(e *E) bool { return a(e) != want }
		case "<":
			return func(e *E) bool { return a(e) < want }
		case "<=":
			return func(e *E) bool { return a(e) <= want }
		case ">":
			return func(e *E) bool { return a(e) > want }
		default:
			return func(e *E) bool { return a(e) >= want }
		}
	}
	b := compileInt(right, v)
	switch op {
	case "==":
		return func(e *E) bool { return a(e) == b(e) }
	case "!=":
		return func(e *E) bool { return a(e) != b(e) }
	case "<":
		return func(e *E) bool { return a(e) < b(e) }
	case "<=":
		return func(e *E) bool { return a(e) <= b(e) }
	case ">":
		return func(e *E) bool { return a(e) > b(e) }
	default:
		return func(e *E) bool { return a(e) >= b(e) }
	}
}

func compileInt[E any](n *node, v Vocabulary[E]) func(*E) int64 {
	if n.op == "int" {
		value := n.num
		return func(*E) int64 { return value }
	}
	key, _ := v.lookup(n.name)
	return key.Int
}

// compileEquality compiles == and != of strings.
func compileEquality[E any](n *node, v Vocabulary[E]) func(*E) bool {
	left, right, equal := n.kids[0], n.kids[1], n.op == "=="
	if left.op == "str" {
		left, right = right, left
	}
	a, b := compileAddr(left, v), compileAddr(right, v)
	switch {
	case a != nil && b != nil:
		return func(e *E) bool { return (a(e) == b(e)) == equal }
	case a != nil && right.op == "str":
		want, ok := addrOf(right.str)
		if !ok { // a text that no address formats to
			return func(*E) bool { return !equal }
		}
		if equal {
			return func(e *E) bool { return a(e) == want }
		}
		return func(e *E) bool { return a(e) != want }
	}
	s, t := compileStr(left, v), compileStr(right, v)
	return func(e *E) bool { return (s(e) == t(e)) == equal }
}

// addrOf is the address that formats to exactly text; the invalid address
// stands for "".
func addrOf(text string) (netip.Addr, bool) {
	if text == "" {
		return netip.Addr{}, true
	}
	addr, err := netip.ParseAddr(text)
	return addr, err == nil && addr.String() == text
}

// compileAddr returns nil when n is not a key that holds an address.
func compileAddr[E any](n *node, v Vocabulary[E]) func(*E) netip.Addr {
	if n.op != "key" {
		return nil
	}
	key, _ := v.lookup(n.name)
	return key.Addr
}

func compileStr[E any](n *node, v Vocabulary[E]) func(*E) string {
	if n.op == "str" {
		value := n.str
		return func(*E) string { return value }
	}
	key, _ := v.lookup(n.name)
	if key.Addr == nil {
		return key.Str
	}
	return func(e *E) string {
		if addr := key.Addr(e); addr.IsValid() {
			return addr.String()
		}
		return ""
	}
}

func compileIn[E any](n *node, v Vocabulary[E]) func(*E) bool {
	subject, items := n.kids[0], n.kids[1:]
	if subject.typ == TypeInt {
		a := compileInt(subject, v)
		var set []int64
		for _, item := range items {
			set = append(set, item.num)
		}
		return func(e *E) bool { return slices.Contains(set, a(e)) }
	}
	if addr := compileAddr(subject, v); addr != nil {
		var set []netip.Addr
		for _, item := range items {
			if a, ok := addrOf(item.str); ok {
				set = append(set, a)
			}
		}
		return func(e *E) bool { return slices.Contains(set, addr(e)) }
	}
	s := compileStr(subject, v)
	var set []string
	for _, item := range items {
		set = append(set, item.str)
	}
	return func(e *E) bool { return slices.Contains(set, s(e)) }
}

func compileCall[E any](n *node, v Vocabulary[E]) func(*E) bool {
	if n.name == "ipnet_contains" {
		return compileContains(n, v)
	}
	a, b := compileStr(n.kids[0], v), compileStr(n.kids[1], v)
	switch n.name {
	case "has_prefix":
		return func(e *E) bool { return strings.HasPrefix(a(e), b(e)) }
	case "has_suffix":
		return func(e *E) bool { return strings.HasSuffix(a(e), b(e)) }
	default: // matches; the checker compiled the pattern before
		pattern := regexp.MustCompile(n.kids[1].str)
		return func(e *E) bool { return pattern.MatchString(a(e)) }
	}
}

func compileContains[E any](n *node, v Vocabulary[E]) func(*E) bool {
	network, ip := n.kids[0], n.kids[1]
	if addr := compileAddr(ip, v); addr != nil && network.op == "str" {
		prefix := netip.MustParsePrefix(network.str) // the checker parsed it before
		return func(e *E) bool { return prefix.Contains(addr(e)) }
	}
	a, b := compileStr(network, v), compileStr(ip, v)
	return func(e *E) bool { return contains(a(e), b(e)) }
}

// contains is ipnet_contains on texts: false when either is malformed.
func contains(network, ip string) bool {
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(ip)
	return err == nil && prefix.Contains(addr)
}
