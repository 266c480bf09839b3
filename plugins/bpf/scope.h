/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scope: which sockets a plugin looks at (keys scope_netns, scope_cgroups). Decided here, in
 * the kernel, so that what is out of scope costs next to nothing and never leaves it. The maps are
 * filled and shared by internal/bpf.
 */
#ifndef PLUGINS_BPF_SCOPE_H
#define PLUGINS_BPF_SCOPE_H

#include "kernel.h"
#include "core_fixes.h"
#include "get.h"

/* As deep as cgroups are followed upwards; systemd and Kubernetes stay below ten. */
#define CGROUP_DEPTH 32

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);	/* inode number of a network namespace */
	__type(value, __u8);
} scope_netns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u64);	/* id of a cgroup v2: its inode number */
	__type(value, __u8);
} scope_cgroups SEC(".maps");

/* Is a map above in use? Constants, so that the verifier removes what is not. */
const volatile bool scoped_by_netns = false;
const volatile bool scoped_by_cgroup = false;

static __always_inline __u32 sock_netns(struct sock *sk)
{
	return GET2(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline __u64 sock_cgroup_id(struct sock *sk)
{
	return BPF_CORE_READ(sock_cgroup(sk), kn, id);
}

static __always_inline bool cgroup_in_scope(struct cgroup *cgroup)
{
	for (int i = 0; i < CGROUP_DEPTH && cgroup; i++) {
		__u64 id = BPF_CORE_READ(cgroup, kn, id);

		if (bpf_map_lookup_elem(&scope_cgroups, &id))
			return true;
		cgroup = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);
	}
	return false;
}

/* A socket belongs to the cgroup of the process that made it, an accepted one to the listener's. */
static __always_inline bool sock_in_scope(struct sock *sk, __u32 netns)
{
	if (scoped_by_netns && !bpf_map_lookup_elem(&scope_netns, &netns))
		return false;
	return !scoped_by_cgroup || cgroup_in_scope(sock_cgroup(sk));
}

#endif
