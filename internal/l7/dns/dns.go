// Package dns reads what clients and servers of DNS say to each other: single
// messages, messages in a TCP stream, and the transactions they make up.
//
//	UDP payload ───────────────┐           ┌ Query ─┐
//	TCP segments ──► Stream ───┴─► Parse ──┤        ├─► Table ──► Transaction
//	                                       └ Answer ┘
//
// It does no input and output and trusts no byte. The formats are those of
// RFC 1035, RFC 6891 (EDNS) and RFC 7766 (TCP). Multicast DNS and LLMNR, which
// have no transactions of this kind, are not followed.
package dns

import "errors"

// Errors of Parse.
var (
	ErrShort = errors.New("message ends in its header or its question")
	ErrName  = errors.New("message has a malformed name")
)

// Record types Parse looks into (IANA "Resource Record (RR) TYPEs").
const (
	TypeA     = 1
	TypeCNAME = 5
	TypeAAAA  = 28
	typeOPT   = 41
	classIN   = 1
)

const (
	headerSize = 12 // RFC 1035 section 4.1.1
	maxName    = 255
	maxJumps   = 127
	maxAnswers = 256 // kept of one message; only zone transfers have more
)
