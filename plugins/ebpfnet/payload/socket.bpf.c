//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * Whose a UDP socket is: the process that made it, then the one that connects it, sends or receives
 * with an address. Packets themselves are received in the context of anybody. Of sockets that were
 * there before us it is the process that has them open.
 */
#include "../../bpf/kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "maps.h"

/* These programs may ask for the pid, which is faster than to read it. */
static __always_inline void note_user(struct udp_socket *s)
{
	if ((__u32)(bpf_get_current_pid_tgid() >> 32) != s->pid)
		note_owner(current_task(), &s->pid, s->comm);
}

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *ctx)
{
	struct udp_socket *s;

	if (ctx->type != SOCK_DGRAM || (ctx->family != AF_INET && ctx->family != AF_INET6))
		return 1;
	s = state_of(&udp_sockets, ctx, BPF_SK_STORAGE_GET_F_CREATE);
	if (s)
		note_user(s);
	return 1;
}

static __always_inline struct udp_socket *used(struct bpf_sock_addr *ctx)
{
	struct udp_socket *s;

	if (ctx->protocol != IPPROTO_UDP || !ctx->sk)
		return NULL;
	s = state_of(&udp_sockets, ctx->sk, BPF_SK_STORAGE_GET_F_CREATE);
	if (s)
		note_user(s);
	return s;
}

static __always_inline int on_connect(struct bpf_sock_addr *ctx)
{
	struct udp_socket *s = used(ctx);

	if (s && !s->first)
		s->first = SIDE_EGRESS;
	return 1;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return on_connect(ctx);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return on_connect(ctx);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	used(ctx);
	return 1;
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	used(ctx);
	return 1;
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	used(ctx);
	return 1;
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	used(ctx);
	return 1;
}

SEC("iter/task_file")
int udp_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task, *leader;
	struct file *file = ctx->file;
	struct socket *socket;
	struct found f = {};
	struct sock *sk;
	__u16 family;
	__u64 key;

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) ||
		BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP)
		return 0;
	f.netns = sock_netns(sk);
	if (!sock_in_scope(sk, f.netns))
		return 0;
	leader = BPF_CORE_READ(task, group_leader);
	f.pid = BPF_CORE_READ(task, tgid);
	f.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	bpf_probe_read_kernel(
		f.comm, sizeof(f.comm), __builtin_preserve_access_index(&leader->comm));
	key = (__u64)sk;
	bpf_map_update_elem(&udp_found, &key, &f, BPF_NOEXIST);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
