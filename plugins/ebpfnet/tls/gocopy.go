package tls

import "golang.org/x/arch/x86/x86asm"

// copiesX86 finds where (*Conn).Read copies plaintext to who asked for it:
// bytes.(*Reader).Read is inlined and leaves one call of runtime.memmove. By
// then the receiver is no longer in a register that is known. The compiler
// spills it to the room that callers leave for it (abi-internal.md), in the
// stack frame right above the return address: two words above the saved frame
// pointer, to which RBP points.
func copiesX86(code []byte, memmove uint64) (int, bool) {
	call, spilled := -1, false
	fp := frame{}
	for at := 0; at < len(code); {
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil {
			return 0, false
		}
		next := at + inst.Len
		fp.pass(&inst)
		if to, ok := inst.Args[0].(x86asm.Rel); ok && inst.Op == x86asm.CALL && uint64(next)+uint64(int64(to)) == memmove {
			if call >= 0 {
				return 0, false
			}
			call = at
		}
		if m, ok := storesAX(&inst); ok && call < 0 && fp.known && m == fp.at+2*wordX86 {
			spilled = true
		}
		at = next
	}
	return call, call >= 0 && spilled
}

const wordX86 = 8

// frame follows the beginning of a Go function until the frame pointer is set.
type frame struct {
	at    int64 // of the saved frame pointer, from the stack pointer
	known bool
}

// pass knows "push rbp; mov rbp, rsp; sub rsp, n" (Go 1.21) and "sub rsp, n;
// mov n-8(rsp), rbp; lea rbp, n-8(rsp)" before.
func (f *frame) pass(inst *x86asm.Inst) {
	if f.known {
		return
	}
	switch by, isImm := inst.Args[1].(x86asm.Imm); {
	case inst.Op == x86asm.SUB && inst.Args[0] == x86asm.RSP && isImm:
		f.at, f.known = int64(by), f.at < 0
		if !f.known {
			f.at -= wordX86
		}
	case inst.Op == x86asm.MOV && inst.Args[0] == x86asm.RBP && inst.Args[1] == x86asm.RSP:
		f.at = -1
	case inst.Op == x86asm.LEA && inst.Args[0] == x86asm.RBP:
		m, ok := inst.Args[1].(x86asm.Mem)
		f.known = ok && m.Base == x86asm.RSP && m.Index == 0 && f.at > 0 && m.Disp == f.at
	}
}

// storesAX reports that an instruction keeps RAX on the stack, and where.
func storesAX(inst *x86asm.Inst) (int64, bool) {
	m, ok := inst.Args[0].(x86asm.Mem)
	return m.Disp, ok && inst.Op == x86asm.MOV && inst.Args[1] == x86asm.RAX && m.Base == x86asm.RSP && m.Index == 0
}
