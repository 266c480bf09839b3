/* SPDX-License-Identifier: GPL-2.0 */
/* From open files to sockets, by a walk that works in any context. */
#ifndef PLUGINS_BPF_FILE_H
#define PLUGINS_BPF_FILE_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* The TCP sock behind an open file; of an MPTCP socket its first subflow. */
static __always_inline struct sock *tcp_of_file(struct file *file)
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

#endif
