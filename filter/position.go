package filter

import "fmt"

// Position is a place in the rule text. Line and Col count from 1; Col counts
// characters, not bytes.
type Position struct{ Line, Col int }

func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }

// Error is what is wrong with a rule text, and where.
type Error struct {
	Pos Position
	Msg string
}

// Error returns "rule:LINE:COL: message".
func (e *Error) Error() string { return fmt.Sprintf("rule:%s: %s", e.Pos, e.Msg) }

func errorAt(pos Position, format string, args ...any) *Error {
	return &Error{Pos: pos, Msg: fmt.Sprintf(format, args...)}
}

// Warning is a rule that is valid but may not mean what its author thinks.
type Warning struct {
	Pos Position
	Msg string
}

func (w Warning) String() string { return fmt.Sprintf("rule:%s: %s", w.Pos, w.Msg) }
