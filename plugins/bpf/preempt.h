/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Staying on the CPU. Where tracepoints let their programs be preempted (7.x: the handlers are
 * guarded by SRCU instead of by disabled preemption), a program that waits to be scheduled again
 * is skipped by all events of that CPU meanwhile. So programs of tracepoints keep the CPU first of
 * all. bpf_preempt_disable is of 6.10.
 */
#ifndef PLUGINS_BPF_PREEMPT_H
#define PLUGINS_BPF_PREEMPT_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>

extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;

/* Set by internal/bpf. A constant, so that the verifier removes what is not needed. */
const volatile bool tracepoints_are_preempted = false;

static __always_inline void keep_cpu(void)
{
	if (tracepoints_are_preempted && bpf_preempt_disable)
		bpf_preempt_disable();
}

static __always_inline void release_cpu(void)
{
	if (tracepoints_are_preempted && bpf_preempt_enable)
		bpf_preempt_enable();
}

/*
 * The same for programs of packets and uprobes, which nothing keeps on the CPU where the kernel is
 * preempted. There a record that is reserved would hold up all that come after it while its program
 * waits to run again. And from 6.13 on the variables of a uprobe's program stand in a stack that
 * its CPU has only once (JITs with private stacks): who came in between would overwrite them.
 * Distributions before 6.10 do not preempt the kernel.
 */
static __always_inline void hold_cpu(void)
{
	if (bpf_preempt_disable)
		bpf_preempt_disable();
}

static __always_inline void let_cpu(void)
{
	if (bpf_preempt_enable)
		bpf_preempt_enable();
}

#endif
