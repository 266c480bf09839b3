package point

import (
	"bytes"
	"fmt"
)

// SyntaxError tells where a posted body is not line protocol.
type SyntaxError struct {
	Line   int // from 1; line breaks within strings count
	Column int // in bytes, from 1
	Cause  error
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, e.Cause)
}

func (e *SyntaxError) Unwrap() error { return e.Cause }

// syntaxError describes an error at offset at of body.
func syntaxError(body []byte, at int, cause error) *SyntaxError {
	before := body[:at]
	return &SyntaxError{
		Line:   bytes.Count(before, []byte{'\n'}) + 1,
		Column: len(before) - bytes.LastIndexByte(before, '\n'),
		Cause:  cause,
	}
}
