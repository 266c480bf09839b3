/* SPDX-License-Identifier: GPL-2.0 */
/* From a task or a descriptor to a TCP sock, and what is reported of it. */
#ifndef PLUGINS_EBPFNET_TLS_SOCK_H
#define PLUGINS_EBPFNET_TLS_SOCK_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "../../bpf/scope.h"
#include "tls.h"

const volatile bool include_loopback = false;
const volatile bool ipv6_disabled = false;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} PRESERVE;

struct files_struct {
	struct fdtable *fdt;
} PRESERVE;

struct nsproxy {
	struct net *net_ns;
} PRESERVE;

struct css_set {
	struct cgroup *dfl_cgrp;
} PRESERVE;

/* What kernel.h does not have of these. */
struct task_struct___tls {
	int pid;
	int tgid;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
} PRESERVE;

typedef struct {
	__s64 counter;
} PRESERVE atomic64_t;

struct sock_common___tls {
	atomic64_t skc_cookie;
} PRESERVE;

struct sock___tls {
	struct sock_common___tls __sk_common;
} PRESERVE;

/* cgroup_skb programs of 5.10 and 6.1 cannot call bpf_get_current_pid_tgid. */
static __always_inline __u32 thread_id(void)
{
	struct task_struct___tls *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, pid);
}

static __always_inline __u64 task_id(void)
{
	struct task_struct___tls *task = (void *)bpf_get_current_task();

	return (__u64)BPF_CORE_READ(task, tgid) << 32 | (__u32)BPF_CORE_READ(task, pid);
}

/* Is the current process one to look at? Its sockets may still be elsewhere. */
static __always_inline bool process_in_scope(void)
{
	struct task_struct___tls *task = (void *)bpf_get_current_task();
	__u32 netns;

	if (scoped_by_netns) {
		netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
		if (!bpf_map_lookup_elem(&scope_netns, &netns))
			return false;
	}
	return !scoped_by_cgroup || cgroup_in_scope(BPF_CORE_READ(task, cgroups, dfl_cgrp));
}

static __always_inline bool is_loopback(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	if (w[0] || w[1])
		return false;
	if (w[2] == bpf_htonl(0xffff))
		return a[12] == 127;
	return !w[2] && w[3] == bpf_htonl(1);
}

/* Describes a connection; false when it is not observed. */
static __always_inline bool describe(struct sock *sk, struct endpoint *at)
{
	__u32 *local = (__u32 *)at->local, *remote = (__u32 *)at->remote;

	at->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	at->cgroup = sock_cgroup_id(sk);
	at->cookie = BPF_CORE_READ((struct sock___tls *)sk, __sk_common.skc_cookie.counter);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&at->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&at->remote, sk, __sk_common.skc_v6_daddr);
		if (ipv6_disabled && (local[0] || local[1] || local[2] != bpf_htonl(0xffff)))
			return false;
	} else {
		local[0] = local[1] = remote[0] = remote[1] = 0;
		local[2] = remote[2] = bpf_htonl(0xffff);
		local[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		remote[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	}
	at->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	at->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	return sock_in_scope(sk, at->netns) &&
	       (include_loopback || !(is_loopback(at->local) || is_loopback(at->remote)));
}

/* The TCP sock behind an open file; of an MPTCP socket its first subflow. */
static __always_inline struct sock *sock_of_file(struct file *file)
{
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	switch (BPF_CORE_READ(sk, sk_protocol)) {
	case IPPROTO_TCP:
		return sk;
	case IPPROTO_MPTCP:
		if (bpf_core_field_exists(((struct mptcp_sock *)sk)->first))
			return BPF_CORE_READ((struct mptcp_sock *)sk, first);
	}
	return NULL;
}

/* The TCP sock behind a descriptor of the current process. */
static __always_inline struct sock *sock_of_fd(__u32 fd)
{
	struct task_struct___tls *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file ? sock_of_file(file) : NULL;
}

#endif
