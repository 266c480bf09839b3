package tls

import (
	"bytes"
	"testing"
)

// copyingX86 has of (*Conn).Read of Go 1.26 what matters: it calls what is
// 0x200 from its beginning. copyingOld is as Go before 1.21 sets its frame up.
var (
	copyingX86 = []byte{
		0x49, 0x3b, 0x66, 0x10, // cmp rsp, 16(r14)
		0x0f, 0x86, 0x7a, 0x03, 0, 0, // jbe
		0x55,             // push rbp
		0x48, 0x89, 0xe5, // mov rbp, rsp
		0x48, 0x83, 0xec, 0x58, // sub rsp, 0x58
		0x48, 0x89, 0x44, 0x24, 0x68, // mov 0x68(rsp), rax: the receiver
		0xe8, 0x04, 0x01, 0, 0, // call another
		0xe8, 0xdf, 0x01, 0, 0, // call memmove
		0xc3,
	}
	copyingOld = []byte{
		0x49, 0x3b, 0x66, 0x10, // cmp rsp, 16(r14)
		0x76, 0x40, // jbe
		0x48, 0x83, 0xec, 0x60, // sub rsp, 0x60
		0x48, 0x89, 0x6c, 0x24, 0x58, // mov 0x58(rsp), rbp
		0x48, 0x8d, 0x6c, 0x24, 0x58, // lea rbp, 0x58(rsp)
		0x48, 0x89, 0x44, 0x24, 0x68, // mov 0x68(rsp), rax
		0xe8, 0xe2, 0x01, 0, 0, // call memmove
		0xc3,
	}
)

func TestCopies(t *testing.T) {
	const memmove = 0x200
	change := func(code []byte, from, to string) []byte {
		if !bytes.Contains(code, []byte(from)) {
			t.Fatalf("no % x", from)
		}
		return bytes.Replace(bytes.Clone(code), []byte(from), []byte(to), 1)
	}
	for _, tt := range []struct {
		name string
		code []byte
		want int // -1: not known
	}{
		{"now", copyingX86, 28},
		{"before 1.21", copyingOld, 25},
		{"the receiver is kept elsewhere", change(copyingX86, "\x48\x89\x44\x24\x68", "\x48\x89\x44\x24\x60"), -1},
		{"another is kept there", change(copyingX86, "\x48\x89\x44\x24\x68", "\x48\x89\x5c\x24\x68"), -1},
		{"no frame pointer", change(copyingX86, "\x48\x89\xe5", "\x90\x90\x90"), -1},
		{"no frame pointer before 1.21", change(copyingOld, "\x48\x8d\x6c\x24\x58", "\x48\x8d\x5c\x24\x58"), -1},
		{"copies twice", append(bytes.Clone(copyingX86), 0xe8, 0xd9, 0x01, 0, 0), -1},
		{"does not copy", copyingX86[:28], -1},
		{"no instruction", []byte{0x06}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, ok := copiesX86(tt.code, memmove)
			if !ok {
				at = -1
			}
			if at != tt.want {
				t.Errorf("at %d, want %d", at, tt.want)
			}
		})
	}
}
