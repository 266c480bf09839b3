//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * Processes as they execute programs and end. Both tracepoints run in the context of the process
 * itself, thousands of times a second at the most; forks are not followed.
 */
#define TYPED_POINTERS
#include "procs.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "../../bpf/preempt.h"

struct css_set {
	struct cgroup *dfl_cgrp;
} PRESERVE;

struct signal_struct {
	atomic_t live;
} PRESERVE;

/* What kernel.h does not have of it. */
struct task_struct___procs {
	__u64 start_boottime; /* cf25e24db61c ("time: Rename tsk->real_start_time", 5.5) */
	struct css_set *cgroups;
	struct signal_struct *signal;
} PRESERVE;

struct linux_binprm {
	const char *filename;
} PRESERVE;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* four thousand programs */
} processes SEC(".maps");

static __always_inline void describe(struct process *p, struct task_struct *task, __u8 kind)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct task_struct___procs *more = (void *)leader;

	p->start = BPF_CORE_READ(more, start_boottime);
	p->cgroup = BPF_CORE_READ(more, cgroups, dfl_cgrp, kn, id);
	p->pid = BPF_CORE_READ(task, tgid);
	p->kind = kind;
	__builtin_memset(p->pad, 0, sizeof(p->pad));
	bpf_probe_read_kernel(
		p->comm, sizeof(p->comm), __builtin_preserve_access_index(&leader->comm));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct process *p;

	keep_cpu();
	count(COUNT_EVENTS);
	p = bpf_ringbuf_reserve(&processes, sizeof(*p), 0);
	if (p) {
		describe(p, task, KIND_EXEC);
		p->path[0] = 0;
		bpf_probe_read_kernel_str(p->path, sizeof(p->path), BPF_CORE_READ(bprm, filename));
		bpf_ringbuf_submit(p, BPF_RB_NO_WAKEUP);
	} else {
		count(COUNT_LOST);
	}
	release_cpu();
	return 0;
}

#define EXIT_BYTES __builtin_offsetof(struct process, path)

/* Every thread comes by; the process ends with its last one. */
static __always_inline bool last_thread(struct task_struct *task)
{
	struct task_struct___procs *more = (void *)task;

	return !BPF_CORE_READ(more, signal, live.counter);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	struct process *p;

	if (!last_thread(task))
		return 0;
	keep_cpu();
	count(COUNT_EVENTS);
	p = bpf_ringbuf_reserve(&processes, EXIT_BYTES, 0);
	if (p) {
		describe(p, task, KIND_EXIT);
		bpf_ringbuf_submit(p, BPF_RB_NO_WAKEUP);
	} else {
		count(COUNT_LOST);
	}
	release_cpu();
	return 0;
}

/* Mentioned, so that these reach the type information, of which bpf2go makes Go types. */
const enum counter *const unused_counter = NULL;
const enum kind *const unused_kind = NULL;
const struct process *const unused_process = NULL;

char LICENSE[] SEC("license") = "GPL";
