package tls

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// arch is what has to be known of machine code.
type arch struct {
	since int // the minor version of Go from which on arguments are in registers
	// checks reports that code begins with the check whether the stack is
	// large enough; it gets checkBytes.
	checks func(code []byte) bool
	// begin returns where a function begins in earnest, behind the check
	// whether its stack is large enough: when it is not, the function
	// begins anew.
	begin func(code []byte) (int, error)
	// returns lists the return instructions of a function.
	returns func(code []byte) ([]int, error)
	// copies returns the only call of a function that lies at memmove, as
	// seen from the beginning of the code, if the receiver can be found
	// there by the frame pointer. nil where that is not known.
	copies func(code []byte, memmove uint64) (int, bool)
	// settle returns the first place from the beginning of a C function on
	// where a probe is cheap and the first n arguments are still in their
	// registers; false when there is none. nil where all are alike.
	settle func(code []byte, n int) (int, bool)
	// handsOn and calls tell which function gets the first n arguments of
	// another, and whether one calls it.
	handsOn func(code []byte, n int) (int64, bool)
	calls   func(code []byte, target int64) bool
}

var arches = map[elf.Machine]arch{
	elf.EM_X86_64:  {17, checksX86, beginX86, returnsX86, copiesX86, settleX86, handsOnX86, callsX86},
	elf.EM_AARCH64: {since: 18, checks: checksARM64, begin: beginARM64, returns: returnsARM64},
}

// checkBytes is what checks looks at.
const checkBytes = 4

// checksX86 knows "cmp sp, 16(r14)" and, of large frames, "lea r12, n(sp)".
func checksX86(code []byte) bool {
	return bytes.Equal(code, []byte{0x49, 0x3b, 0x66, 0x10}) ||
		bytes.Equal(code, []byte{0x4c, 0x8d, 0x64, 0x24}) || bytes.Equal(code, []byte{0x4c, 0x8d, 0xa4, 0x24})
}

// checksARM64 knows "ldr x16, [g, 16]".
func checksARM64(code []byte) bool { return binary.LittleEndian.Uint32(code) == 0xf9400b90 }

// prologue bounds the check, in bytes.
const prologue = 48

var (
	errNoCheck  = errors.New("no check of the stack")
	errNoReturn = errors.New("no return instruction")
)

// beginX86 looks for the "cmp sp, 16(r14); jbe" of cmd/internal/obj/x86.
func beginX86(code []byte) (int, error) {
	for at := 0; at < min(prologue, len(code)); {
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil {
			return 0, fmt.Errorf("decode instruction at %#x: %w", at, err)
		}
		at += inst.Len
		if inst.Op == x86asm.JBE {
			return at, nil
		}
	}
	return 0, errNoCheck
}

func returnsX86(code []byte) (all []int, err error) {
	for at := 0; at < len(code); {
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil {
			return nil, fmt.Errorf("decode instruction at %#x: %w", at, err)
		}
		if inst.Op == x86asm.RET {
			all = append(all, at)
		}
		at += inst.Len
	}
	if len(all) == 0 {
		return nil, errNoReturn
	}
	return all, nil
}

// Instructions of the Arm A64 set, DDI 0487 C6.2: B.cond, RET.
const (
	armBranchMask, armBranchLS = 0xff00001f, 0x54000009
	armReturn                  = 0xd65f03c0
)

// beginARM64 looks for the "cmp sp, 16(g); b.ls" of cmd/internal/obj/arm64.
func beginARM64(code []byte) (int, error) {
	for at := 0; at+4 <= min(prologue, len(code)); at += 4 {
		if binary.LittleEndian.Uint32(code[at:])&armBranchMask == armBranchLS {
			return at + 4, nil
		}
	}
	return 0, errNoCheck
}

func returnsARM64(code []byte) (all []int, err error) {
	for at := 0; at+4 <= len(code); at += 4 {
		if binary.LittleEndian.Uint32(code[at:]) == armReturn {
			all = append(all, at)
		}
	}
	if len(all) == 0 {
		return nil, errNoReturn
	}
	return all, nil
}
