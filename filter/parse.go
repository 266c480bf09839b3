package filter

import "strings"

// parser is a recursive-descent parser over the tokens of a text.
//
//	rules   := sep* (rule (sep+ rule)*)? sep*          sep := ";" | newline
//	rule    := cmp (("&&" | "||") NL* cmp)*             one level, left-associative
//	cmp     := unary (("==" | "!=" | "<" | "<=" | ">" | ">=") NL* unary | "in" NL* list)*
//	unary   := "!" unary | primary
//	primary := "(" NL* rule NL* ")" | name | name "(" NL* args? ","? NL* ")" | string | int | true | false
//	list    := "[" NL* args? ","? NL* "]" | "(" NL* args? ","? NL* ")"
//	args    := rule ("," NL* rule)*
type parser struct {
	toks     []token
	at       int
	depth    int
	warnings []Warning
}

// maxDepth bounds nesting, so that no text exhausts the stack.
const maxDepth = 500

// parse returns the rules of src, unchecked.
func parse(src string) ([]*node, []Warning, error) {
	toks, err := lex(src)
	if err != nil {
		return nil, nil, err
	}
	p := &parser{toks: toks}
	if strings.TrimSpace(src) != "" && p.peek().kind == tokEOF {
		return nil, nil, errorAt(p.peek().pos, "unexpected end of text: no rule, and a lone comment needs a newline")
	}
	var rules []*node
	for {
		for p.skipSeparator() {
		}
		if p.peek().kind == tokEOF {
			return rules, p.warnings, nil
		}
		rule, err := p.rule()
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, rule)
		if t := p.peek(); t.kind != tokEOF && !p.skipSeparator() {
			return nil, nil, errorAt(t.pos, "unexpected %s after a rule; rules are separated by \";\" or a newline", t.describe())
		}
	}
}

func (p *parser) peek() token { return p.toks[p.at] }

func (p *parser) take() token {
	t := p.toks[p.at]
	if t.kind != tokEOF {
		p.at++
	}
	return t
}

func (p *parser) skipSeparator() bool {
	if t := p.peek(); t.kind == tokNewline || t.is(";") {
		p.take()
		return true
	}
	return false
}

func (p *parser) skipNewlines() {
	for p.peek().kind == tokNewline {
		p.take()
	}
}

func (p *parser) rule() (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errorAt(p.peek().pos, "nested deeper than %d levels", maxDepth)
	}
	defer func() { p.depth-- }()

	first, err := p.comparison()
	if err != nil {
		return nil, err
	}
	operands := []*node{first}
	var ops []token
	for p.peek().is("&&") || p.peek().is("||") {
		ops = append(ops, p.take())
		p.skipNewlines()
		next, err := p.comparison()
		if err != nil {
			return nil, err
		}
		operands = append(operands, next)
	}
	tree := leftAssociative(operands, ops)
	if usual := andFirst(operands, ops); usual.String() != tree.String() {
		p.warnings = append(p.warnings, Warning{Pos: first.pos, Msg: "&& and || have one level of precedence: this is read as " +
			tree.String() + ", not as " + usual.String() + "; parentheses make it clear"})
	}
	return tree, nil
}

// leftAssociative is the reading of the language.
func leftAssociative(operands []*node, ops []token) *node {
	tree := operands[0]
	for i, op := range ops {
		tree = &node{op: op.text, pos: op.pos, kids: []*node{tree, operands[i+1]}}
	}
	return tree
}

// andFirst is the reading of most other languages.
func andFirst(operands []*node, ops []token) *node {
	var terms []*node
	var ors []token
	term := operands[0]
	for i, op := range ops {
		if op.is("&&") {
			term = &node{op: op.text, pos: op.pos, kids: []*node{term, operands[i+1]}}
			continue
		}
		terms, ors = append(terms, term), append(ors, op)
		term = operands[i+1]
	}
	return leftAssociative(append(terms, term), ors)
}

func (p *parser) comparison() (*node, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for {
		op := p.peek()
		switch op.kind {
		case "==", "!=", "<", "<=", ">", ">=":
			p.take()
			p.skipNewlines()
			right, err := p.unary()
			if err != nil {
				return nil, err
			}
			left = &node{op: op.text, pos: op.pos, kids: []*node{left, right}}
		case tokKeyword:
			if op.text != "in" {
				return left, nil
			}
			p.take()
			p.skipNewlines()
			closing, ok := map[tokenKind]string{"[": "]", "(": ")"}[p.peek().kind]
			if t := p.take(); !ok {
				return nil, errorAt(t.pos, "unexpected %s after in; a list is written [a, b] or (a, b)", t.describe())
			}
			list, err := p.list(closing)
			if err != nil {
				return nil, err
			}
			left = &node{op: "in", pos: op.pos, kids: append([]*node{left}, list...)}
		default:
			return left, nil
		}
	}
}

func (p *parser) unary() (*node, error) {
	not := p.peek()
	if !not.is("!") {
		return p.primary()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, errorAt(not.pos, "nested deeper than %d levels", maxDepth)
	}
	defer func() { p.depth-- }()
	p.take()
	kid, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &node{op: "!", pos: not.pos, kids: []*node{kid}}, nil
}

func (p *parser) primary() (*node, error) {
	t := p.take()
	switch t.kind {
	case "(":
		p.skipNewlines()
		inner, err := p.rule()
		if err != nil {
			return nil, err
		}
		p.skipNewlines()
		if end := p.take(); !end.is(")") {
			return nil, errorAt(end.pos, "unexpected %s; the parenthesis of %s is not closed", end.describe(), t.pos)
		}
		return inner, nil
	case tokIdent:
		if !p.peek().is("(") {
			return &node{op: "key", pos: t.pos, name: t.text}, nil
		}
		p.take()
		args, err := p.list(")")
		if err != nil {
			return nil, err
		}
		return &node{op: "call", pos: t.pos, name: t.text, kids: args}, nil
	case tokString:
		return &node{op: "str", pos: t.pos, str: t.text}, nil
	case tokInt:
		return &node{op: "int", pos: t.pos, num: t.num, name: t.text}, nil
	case tokFloat:
		return &node{op: "float", pos: t.pos, name: t.text}, nil
	case "+", "-":
		return p.signed(t)
	case tokKeyword:
		switch t.text {
		case "true", "false":
			return &node{op: "bool", pos: t.pos, name: t.text}, nil
		case "nil", "null":
			return &node{op: "nil", pos: t.pos, name: t.text}, nil
		}
	}
	return nil, errorAt(t.pos, "unexpected %s; a name, a value, \"(\" or \"!\" is wanted", t.describe())
}

// signed folds a sign into the number that follows it.
func (p *parser) signed(sign token) (*node, error) {
	t := p.take()
	if t.kind != tokInt && t.kind != tokFloat {
		return nil, errorAt(sign.pos, "a sign belongs to a number, not to %s", t.describe())
	}
	n := &node{op: string(t.kind), pos: sign.pos, num: t.num, name: sign.text + t.text}
	if t.kind == tokInt {
		n.op = "int"
	}
	if sign.is("-") {
		n.num = -n.num
	}
	return n, nil
}

// list reads expressions up to the closing token, with an optional comma
// after the last one.
func (p *parser) list(closing string) ([]*node, error) {
	var all []*node
	for {
		p.skipNewlines()
		if p.peek().is(closing) {
			p.take()
			return all, nil
		}
		item, err := p.rule()
		if err != nil {
			return nil, err
		}
		all = append(all, item)
		p.skipNewlines()
		switch t := p.take(); {
		case t.is(closing):
			return all, nil
		case !t.is(","):
			return nil, errorAt(t.pos, "unexpected %s in a list; \",\" or %q is wanted", t.describe(), closing)
		}
	}
}
