/* SPDX-License-Identifier: GPL-2.0 */
/* From a task or a descriptor to a TCP sock, and what is reported of it. */
#ifndef PLUGINS_EBPFNET_TLS_SOCK_H
#define PLUGINS_EBPFNET_TLS_SOCK_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "../../bpf/scope.h"
#include "../../bpf/address.h"
#include "../../bpf/file.h"
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

/* Describes a connection; false when it is not observed. */
static __always_inline bool describe(struct sock *sk, struct endpoint *at)
{
	at->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	at->cgroup = sock_cgroup_id(sk);
	at->cookie = BPF_CORE_READ((struct sock___tls *)sk, __sk_common.skc_cookie.counter);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&at->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&at->remote, sk, __sk_common.skc_v6_daddr);
		if (ipv6_disabled && !is_mapped_address(at->local))
			return false;
	} else {
		map_v4(at->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_v4(at->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
	at->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	at->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	return sock_in_scope(sk, at->netns) &&
	       (include_loopback ||
		       !(is_loopback_address(at->local) || is_loopback_address(at->remote)));
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
	return file ? tcp_of_file(file) : NULL;
}

#endif
