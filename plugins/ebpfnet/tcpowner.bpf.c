//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * The process that accepts. Hooks in process context that cost nothing elsewhere: no system call
 * tracepoint, which would tax every call of the machine.
 */
#include "../bpf/kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "conn.h"
#include "owner.h"

static __always_inline void accepted(struct tcp_sock *sk)
{
	__u64 key = (__u64)sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (c)
		owned_by_current(c, OWNER_ACCEPT);
}

/* Runs inside accept(2) when the caller wants the peer's address. */
static __always_inline int peer_wanted(struct bpf_sock_addr *ctx)
{
	struct tcp_sock *sk;

	if (ctx->protocol == IPPROTO_TCP && ctx->sk) {
		sk = bpf_skc_to_tcp_sock(ctx->sk);
		if (sk)
			accepted(sk);
	}
	return 1;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	return peer_wanted(ctx);
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	return peer_wanted(ctx);
}

/* Any number of arguments; bpf_get_func_ret is of 5.17. */
SEC("fexit/inet_csk_accept")
int inet_csk_accept(__u64 *ctx)
{
	__u64 sk = 0;

	if (!bpf_get_func_ret(ctx, &sk) && sk)
		accepted((struct tcp_sock *)sk);
	return 0;
}

/* Before 5.17 the result lies behind the arguments, of which there were four. */
SEC("fexit/inet_csk_accept")
int inet_csk_accept_4(__u64 *ctx)
{
	struct tcp_sock *sk = (void *)ctx[4];

	if (sk)
		accepted(sk);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
