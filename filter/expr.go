package filter

import (
	"strconv"
	"strings"
)

// Expr returns all rules as one program of expr-lang/expr that is true when
// any rule is: fully parenthesised, one side per key. It runs on the values
// of [Packet.Values] and [ExprFunctions], and is the reference of
// differential tests.
func (p *Program) Expr() string {
	if len(p.rules) == 0 {
		return "false"
	}
	var b strings.Builder
	for i, r := range p.rules {
		if i > 0 {
			b.WriteString(" || ")
		}
		b.WriteByte('(')
		r.tree.writeExpr(&b)
		b.WriteByte(')')
	}
	return b.String()
}

// writeExpr renders n in the syntax of expr, which has no octal integers with
// a leading 0 and reserves the word matches for an operator.
func (n *node) writeExpr(b *strings.Builder) {
	switch n.op {
	case "int":
		b.WriteString(strconv.FormatInt(n.num, 10))
	case "str":
		b.WriteString(quote(n.str))
	case "key", "bool":
		b.WriteString(n.name)
	case "call":
		if n.name == "matches" {
			b.WriteByte('(')
			n.kids[0].writeExpr(b)
			b.WriteString(" matches ")
			n.kids[1].writeExpr(b)
			b.WriteByte(')')
			return
		}
		writeExprCall(b, n.name, n.kids...)
	case "in":
		n.writeExprIn(b)
	case "!":
		b.WriteString("(!")
		n.kids[0].writeExpr(b)
		b.WriteByte(')')
	default:
		b.WriteByte('(')
		n.kids[0].writeExpr(b)
		b.WriteString(" " + n.op + " ")
		n.kids[1].writeExpr(b)
		b.WriteByte(')')
	}
}

func writeExprList(b *strings.Builder, list []*node) {
	for i, n := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		n.writeExpr(b)
	}
}

// writeExprIn renders a list, of which expr knows only single values.
func (n *node) writeExprIn(b *strings.Builder) {
	var single []*node
	b.WriteByte('(')
	for _, item := range n.kids[1:] {
		if _, ok := networkIn(n.kids[0], item); ok {
			writeExprCall(b, "ipnet_contains", item, n.kids[0])
			b.WriteString(" || ")
		} else {
			single = append(single, item)
		}
	}
	n.kids[0].writeExpr(b)
	b.WriteString(" in [")
	writeExprList(b, single)
	b.WriteString("])")
}

func writeExprCall(b *strings.Builder, name string, args ...*node) {
	b.WriteString(name + "(")
	writeExprList(b, args)
	b.WriteByte(')')
}

// ExprFunctions returns the functions that a program of [Program.Expr] calls.
func ExprFunctions() map[string]any {
	return map[string]any{"ipnet_contains": contains, "has_prefix": strings.HasPrefix, "has_suffix": strings.HasSuffix}
}
