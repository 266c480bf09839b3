package filter

import "strings"

// node is an expression of the tree. The checker sets its type and key.
type node struct {
	op   string // "key", "int", "str", "bool", "nil", "float", "call", "in", "!", or a binary operator
	pos  Position
	name string // of a key or function; text of a refused literal
	num  int64
	str  string
	kids []*node

	typ Type
	key *key // of a "key"
}

// Type is the type of an expression.
type Type string

// The types of the language.
const (
	TypeBool Type = "bool"
	TypeInt  Type = "int"
	TypeStr  Type = "str"
)

// write renders n fully parenthesised, in the syntax of the language.
func (n *node) write(b *strings.Builder) {
	switch n.op {
	case "key":
		b.WriteString(n.name)
	case "str":
		b.WriteString(quote(n.str))
	case "int", "bool", "nil", "float":
		b.WriteString(n.name)
	case "call":
		b.WriteString(n.name)
		b.WriteByte('(')
		writeList(b, n.kids)
		b.WriteByte(')')
	case "in":
		n.kids[0].write(b)
		b.WriteString(" in [")
		writeList(b, n.kids[1:])
		b.WriteByte(']')
	case "!":
		b.WriteString("!")
		n.kids[0].writeInner(b)
	default:
		n.kids[0].writeInner(b)
		b.WriteString(" " + n.op + " ")
		n.kids[1].writeInner(b)
	}
}

// writeInner puts parentheses around what is not atomic.
func (n *node) writeInner(b *strings.Builder) {
	switch n.op {
	case "key", "str", "int", "bool", "nil", "float", "call":
		n.write(b)
	default:
		b.WriteByte('(')
		n.write(b)
		b.WriteByte(')')
	}
}

func writeList(b *strings.Builder, list []*node) {
	for i, n := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		n.write(b)
	}
}

// String renders the expression fully parenthesised.
func (n *node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

// begin is where the text of the expression begins, but for parentheses.
func (n *node) begin() Position {
	first := n.pos
	for _, kid := range n.kids {
		if p := kid.begin(); p.Line < first.Line || p.Line == first.Line && p.Col < first.Col {
			first = p
		}
	}
	return first
}
