/* SPDX-License-Identifier: GPL-2.0 */
/* A program of a uprobe, which keeps the CPU from its first to its last instruction. */
#ifndef PLUGINS_EBPFNET_TLS_PROBE_H
#define PLUGINS_EBPFNET_TLS_PROBE_H

#include "../../bpf/preempt.h"
#include "regs.h"

#define PROBE(name)                                                                                \
	name(struct pt_regs *regs);                                                                \
	static __always_inline int name##_hit(struct pt_regs *regs);                               \
	int name(struct pt_regs *regs)                                                             \
	{                                                                                          \
		hold_cpu();                                                                        \
		name##_hit(regs);                                                                  \
		let_cpu();                                                                         \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline int name##_hit(struct pt_regs *regs)

#endif
