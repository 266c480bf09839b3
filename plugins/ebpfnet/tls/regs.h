/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers at a probe. C follows the psABI of the architecture, Go its ABIInternal (since 1.17;
 * arm64 since 1.18): src/cmd/compile/abi-internal.md.
 */
#ifndef PLUGINS_EBPFNET_TLS_REGS_H
#define PLUGINS_EBPFNET_TLS_REGS_H

#include "../../bpf/kernel.h"

#if defined(__TARGET_ARCH_x86)

/* arch/x86/include/uapi/asm/ptrace.h */
struct pt_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs,
		flags, sp, ss;
};

#define REG_ARG1(regs)	 ((regs)->di)
#define REG_ARG2(regs)	 ((regs)->si)
#define REG_ARG3(regs)	 ((regs)->dx)
#define REG_ARG4(regs)	 ((regs)->cx)
#define REG_ARG5(regs)	 ((regs)->r8)
#define REG_RESULT(regs) ((regs)->ax)
#define REG_SP(regs)	 ((regs)->sp)
/* A return probe runs when ret has taken the address off the stack. */
#define RETURNED 8

#define GO_ARG1(regs) ((regs)->ax)
#define GO_ARG2(regs) ((regs)->bx)
#define GO_ARG3(regs) ((regs)->cx)
#define GO_G(regs)    ((regs)->r14)
#define GO_FP(regs)   ((regs)->bp)

#elif defined(__TARGET_ARCH_arm64)

/* struct user_pt_regs of arch/arm64/include/uapi/asm/ptrace.h */
struct pt_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
};

#define REG_ARG1(r)   ((r)->regs[0])
#define REG_ARG2(r)   ((r)->regs[1])
#define REG_ARG3(r)   ((r)->regs[2])
#define REG_ARG4(r)   ((r)->regs[3])
#define REG_ARG5(r)   ((r)->regs[4])
#define REG_RESULT(r) ((r)->regs[0])
#define REG_SP(r)     ((r)->sp)
#define RETURNED      0

#define GO_ARG1(r) ((r)->regs[0])
#define GO_ARG2(r) ((r)->regs[1])
#define GO_ARG3(r) ((r)->regs[2])
#define GO_G(r)	   ((r)->regs[28])
#define GO_FP(r)   ((r)->regs[29])

#endif

#endif
