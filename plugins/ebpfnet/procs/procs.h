/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says when a process executes a program or ends. Turned into Go by bpf2go. */
#ifndef PLUGINS_EBPFNET_PROCS_H
#define PLUGINS_EBPFNET_PROCS_H

#include "../../bpf/kernel.h"

#define PATH_BYTES 200

enum kind {
	KIND_EXEC,
	KIND_EXIT,
};

/* An exit record ends before path. */
struct process {
	__u64 start;   /* ns, CLOCK_BOOTTIME */
	__u64 cgroup;  /* id of its cgroup v2 */
	__u32 pid;     /* thread group, in the initial pid namespace */
	__u8 kind;     /* enum kind */
	__u8 pad[3];   /* zero */
	char comm[16]; /* of the leader */
	char path[PATH_BYTES];
};

enum counter {
	COUNT_EVENTS, /* all of them */
	COUNT_LOST,   /* of these: the ring was full */
	COUNTERS,
};

#define COUNTERS_MAP process_counters
#include "../../bpf/count.h"

#endif
