package filter

// Program is a compiled rule text. It is immutable and safe for concurrent
// use.
type Program[E any] struct {
	rules    []rule[E]
	warnings []Warning
}

type rule[E any] struct {
	tree  *node
	match func(*E) bool
}

// Compile parses, checks and compiles a rule text. An empty text has no
// rules. Every error is an [*Error].
func Compile[E any](src string, vocabulary Vocabulary[E]) (*Program[E], error) {
	trees, warnings, err := parse(src)
	if err != nil {
		return nil, err
	}
	p := &Program[E]{warnings: warnings}
	c := checker{typeOf: vocabulary.typeOf}
	for _, tree := range trees {
		if err := c.checkRule(tree); err != nil {
			return nil, err
		}
		p.rules = append(p.rules, rule[E]{tree, compileBool(tree, vocabulary)})
	}
	return p, nil
}

// Match returns the index of the first rule that is true of e, -1 if none is.
func (p *Program[E]) Match(e *E) int {
	for i := range p.rules {
		if p.rules[i].match(e) {
			return i
		}
	}
	return -1
}

// Len is the number of rules.
func (p *Program[E]) Len() int { return len(p.rules) }

// Rule returns rule i fully parenthesised.
func (p *Program[E]) Rule(i int) string { return p.rules[i].tree.String() }

// Warnings are the rules whose reading may surprise.
func (p *Program[E]) Warnings() []Warning { return p.warnings }
