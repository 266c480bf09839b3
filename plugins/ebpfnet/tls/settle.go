package tls

import (
	"bytes"

	"golang.org/x/arch/x86/x86asm"
)

// Most instructions below a breakpoint the kernel has to step over: with
// a copy of the instruction, and a second exception behind it. Of some it does
// the work itself (arch/x86/kernel/uprobes.c, branch_setup_xol_ops and, since
// 4.16, push_setup_xol_ops), which costs a half of that on a machine and
// a tenth and less where a hypervisor is asked about debug exceptions.

// emulatedX86 reports that the kernel does the work of the instruction that
// code begins with: nop, push, call, jumps.
func emulatedX86(code []byte) bool {
	if len(code) < 2 {
		return false
	}
	switch b := code[0]; {
	case b >= 0x50 && b <= 0x57, b >= 0x70 && b <= 0x7f, b == 0x90, b == 0xe8, b == 0xe9, b == 0xeb:
		return true
	case b == 0x41:
		return code[1] >= 0x50 && code[1] <= 0x57
	case b == 0x0f:
		return code[1] >= 0x80 && code[1] <= 0x8f
	}
	return false
}

// reach is how far into a function its probe may move.
const reach = 24

// settleX86 passes instructions that change neither the first n arguments nor
// the stack.
func settleX86(code []byte, n int) (int, bool) {
	at := passMark(code)
	for at < min(reach, len(code)) {
		if emulatedX86(code[at:]) {
			return at, true
		}
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil || !leaves(&inst, n) {
			return 0, false
		}
		at += inst.Len
	}
	return 0, false
}

// passMark passes endbr64, which marks where indirect calls may go.
func passMark(code []byte) int {
	if bytes.HasPrefix(code, []byte{0xf3, 0x0f, 0x1e, 0xfa}) {
		return 4
	}
	return 0
}

// argumentRegisters are those of the psABI of AMD64, 3.2.3.
var argumentRegisters = [...]x86asm.Reg{x86asm.RDI, x86asm.RSI, x86asm.RDX, x86asm.RCX, x86asm.R8}

// leaves reports that an instruction certainly leaves the first n arguments
// and the stack pointer as they are, and goes on to the next.
func leaves(inst *x86asm.Inst, n int) bool {
	switch inst.Op {
	case x86asm.TEST, x86asm.CMP, x86asm.NOP:
		return true
	case x86asm.MOV, x86asm.XOR, x86asm.LEA:
	default:
		return false
	}
	to, ok := inst.Args[0].(x86asm.Reg)
	switch {
	case !ok:
		return false
	case to >= x86asm.EAX && to <= x86asm.R15L:
		to += x86asm.RAX - x86asm.EAX
	case to < x86asm.RAX || to > x86asm.R15:
		return false
	}
	for _, argument := range argumentRegisters[:n] {
		if to == argument {
			return false
		}
	}
	return to != x86asm.RSP
}
