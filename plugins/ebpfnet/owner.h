/* SPDX-License-Identifier: GPL-2.0 */
/* Who owns a socket: the task at hand, when it is one that can own sockets. */
#ifndef PLUGINS_EBPFNET_OWNER_H
#define PLUGINS_EBPFNET_OWNER_H

#include "conn.h"
#include <bpf/bpf_core_read.h>

/*
 * The collector's own thread group. While an iterator of ours holds a file, its last reference can
 * be ours, and then it is we who close the socket of someone else.
 */
const volatile __u32 collector = 0;

static __always_inline void set_owner(struct conn *c, struct task_struct *task, __u32 pid, __u8 how)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	c->owner = how;
	c->pid = pid;
	bpf_probe_read_kernel(
		c->comm, sizeof(c->comm), __builtin_preserve_access_index(&leader->comm));
}

/* Call only where the current task is at work for itself. Better knowledge stays. */
static __always_inline void owned_by_current(struct conn *c, __u8 how)
{
	struct task_struct *task;
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	if (how <= c->owner || !pid)
		return;
	if (how == OWNER_CLOSE && pid == collector)
		return;
	if (pid == c->pid) { /* named already */
		c->owner = how;
		return;
	}
	task = (struct task_struct *)bpf_get_current_task();
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD) /* MPTCP's worker, NFS, … */
		return;
	set_owner(c, task, pid, how);
}

#endif
