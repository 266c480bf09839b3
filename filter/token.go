package filter

import "strings"

// tokenKind is the class of a token; operators have their own text as kind.
type tokenKind string

const (
	tokEOF     tokenKind = "end of text"
	tokNewline tokenKind = "newline"
	tokIdent   tokenKind = "name"
	tokKeyword tokenKind = "keyword"
	tokInt     tokenKind = "integer"
	tokFloat   tokenKind = "float"
	tokString  tokenKind = "string"
)

// token is one lexical element. text is the identifier, the keyword in lower
// case, the operator, or the value of a string after its escapes.
type token struct {
	kind tokenKind
	text string
	num  int64
	pos  Position
}

// is reports whether t is the operator or separator op.
func (t token) is(op string) bool { return t.kind == tokenKind(op) }

// describe names the token in error messages.
func (t token) describe() string {
	switch t.kind {
	case tokEOF, tokNewline:
		return string(t.kind)
	case tokIdent, tokKeyword, tokInt, tokFloat:
		return string(t.kind) + " " + t.text
	case tokString:
		return "string " + quote(t.text)
	default:
		return `"` + string(t.kind) + `"`
	}
}

// keywords are reserved in any letter case. Only true and false have a
// meaning in rules; the others are refused by name.
var keywords = []string{"true", "false", "nil", "null", "if", "elif", "else", "for", "in", "break", "continue"}

func isKeyword(word string) bool {
	for _, k := range keywords {
		if strings.EqualFold(k, word) {
			return true
		}
	}
	return false
}

// operators, the longer ones first so that they win.
var operators = []string{
	"||", "&&", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", "{", "}", ",", ";",
	"=", "+", "-", "*", "/", "%", ".", ":",
}
