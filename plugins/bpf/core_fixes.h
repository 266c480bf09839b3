/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels from 5.10 on, each with the commit that changed it. */
#ifndef PLUGINS_BPF_CORE_FIXES_H
#define PLUGINS_BPF_CORE_FIXES_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/*
 * Up to 5.14 the cgroup of a socket is a tagged pointer: either of the low two bits set means
 * that it holds something else. Commit 8520e224f547 ("bpf, cgroups: Fix cgroup v2 fallback on
 * v1/v2 mixed mode", 5.15) made it a plain pointer.
 */
struct sock_cgroup_data___v514 {
	__u64 val;
} PRESERVE;

struct sock___v514 {
	struct sock_cgroup_data___v514 sk_cgrp_data;
} PRESERVE;

/* The cgroup v2 of a socket; NULL when the kernel keeps none. */
static __always_inline struct cgroup *sock_cgroup(struct sock *sk)
{
	struct sock___v514 *old = (void *)sk;
	__u64 val;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	if (!bpf_core_field_exists(old->sk_cgrp_data.val))
		return NULL;
	val = BPF_CORE_READ(old, sk_cgrp_data.val);
	return val & 3 ? NULL : (struct cgroup *)val;
}

#endif
