package pcap

import (
	"errors"
	"fmt"
)

// ErrFormat is wrapped by what NewReader returns for something that is no
// capture file.
var ErrFormat = errors.New("neither pcap nor pcapng")

// Error is a mistake in a capture file.
type Error struct {
	Offset int64 // of the record or block it is in
	What   string
	Err    error // io.ErrUnexpectedEOF when the file ends there; nil else
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("read capture at byte %d: %s: %v", e.Offset, e.What, e.Err)
	}
	return fmt.Sprintf("read capture at byte %d: %s", e.Offset, e.What)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
