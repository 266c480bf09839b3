package filter

import (
	"regexp"
	"slices"
	"strings"
)

// Values are keys by name, with values of type bool, int or string.
type Values map[string]any

// Values returns all keys of a packet but those that mean either side. They
// are what a program of [Program.Expr] runs on, together with
// [ExprFunctions].
func (p *Packet) Values() Values {
	all := Values{}
	for _, k := range vocabulary() {
		switch {
		case k.Sides != nil:
		case k.Type == TypeBool:
			all[k.Name] = slices.ContainsFunc(k.flag, func(s span) bool { return s.lo <= p.fields[s.field] && p.fields[s.field] <= s.hi })
		case k.Type == TypeInt:
			all[k.Name] = int(p.fields[k.number])
		default:
			all[k.Name] = k.str(p)
		}
	}
	return all
}

// have reports whether all keys of n are known.
func (v Values) have(n *node) bool {
	if n.op == "key" {
		_, ok := v[n.name]
		return ok
	}
	return !slices.ContainsFunc(n.kids, func(kid *node) bool { return !v.have(kid) })
}

// eval is the meaning of the language, in its plainest form.
func (v Values) eval(n *node) any {
	switch n.op {
	case "bool":
		return n.name == "true"
	case "int":
		return int(n.num)
	case "str":
		return n.str
	case "key":
		return v[n.name]
	case "!":
		return !v.eval(n.kids[0]).(bool)
	case "&&":
		return v.eval(n.kids[0]).(bool) && v.eval(n.kids[1]).(bool)
	case "||":
		return v.eval(n.kids[0]).(bool) || v.eval(n.kids[1]).(bool)
	case "==":
		return v.eval(n.kids[0]) == v.eval(n.kids[1])
	case "!=":
		return v.eval(n.kids[0]) != v.eval(n.kids[1])
	case "in":
		return v.in(n)
	case "call":
		return v.function(n.name, v.eval(n.kids[0]).(string), v.eval(n.kids[1]).(string))
	default:
		a, b := v.eval(n.kids[0]).(int), v.eval(n.kids[1]).(int)
		return n.op == "<" && a < b || n.op == "<=" && a <= b || n.op == ">" && a > b || n.op == ">=" && a >= b
	}
}

func (v Values) in(n *node) bool {
	subject := v.eval(n.kids[0])
	return slices.ContainsFunc(n.kids[1:], func(item *node) bool {
		if _, ok := networkIn(n.kids[0], item); ok {
			return contains(item.str, subject.(string))
		}
		return subject == v.eval(item)
	})
}

func (v Values) function(name, a, b string) bool {
	switch name {
	case "ipnet_contains":
		return contains(a, b)
	case "has_prefix":
		return strings.HasPrefix(a, b)
	case "has_suffix":
		return strings.HasSuffix(a, b)
	default: // matches; the checker compiled the pattern before
		return regexp.MustCompile(b).MatchString(a)
	}
}
