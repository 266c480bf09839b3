package filter

import "strings"

// Expr returns all rules as one program of expr-lang/expr that is true when
// any rule is: fully parenthesised, functions called by their names here. It
// is the reference of differential tests and serves open vocabularies, where
// a key is looked up by name at run time.
func (p *Program[E]) Expr() string {
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
		b.WriteString(decimal(n.num))
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
		b.WriteString(n.name + "(")
		writeExprList(b, n.kids)
		b.WriteByte(')')
	case "in":
		b.WriteByte('(')
		n.kids[0].writeExpr(b)
		b.WriteString(" in [")
		writeExprList(b, n.kids[1:])
		b.WriteString("])")
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
