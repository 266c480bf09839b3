//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * The life of TCP connections, by two tracepoints. Neither runs per packet or per send.
 *
 * Both programs are attached twice. From kernel 6.1 on a raw tracepoint program is skipped when it
 * interrupts itself (a softirq in the midst of a system call on the same CPU); then the other
 * instance runs. Contexts nest two deep, so two instances see everything, and what both see is
 * recognised by the last transition of the record.
 */
#include "../bpf/kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "../bpf/preempt.h"
#include "conn.h"
#include "tcp.h"
#include "owner.h"

/* Sends a finished record up, or leaves it to the scan when the ring is full. */
static __always_inline bool hand_over(struct conn *c, __u64 key)
{
	struct conn *out = bpf_ringbuf_reserve(&closed, sizeof(*out), 0);

	if (!out) {
		c->flags |= FLAG_FINAL;
		count(COUNT_KEPT);
		return false;
	}
	__builtin_memcpy(out, c, sizeof(*out));
	/* Gone from the table before it can be read from the ring: a later scan cannot meet it. */
	forget(c, key);
	bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	return true;
}

/* The sock is used again while its last connection is still in the table. */
static __always_inline void make_room(struct conn *c, __u64 key)
{
	if (c->flags & FLAG_OPEN) {
		if (c->state != TCP_CLOSE) {
			c->state = TCP_CLOSE;
			c->flags |= FLAG_LOST;
			count(COUNT_REPAIRED);
		}
		if (!(c->flags & FLAG_FINAL) && hand_over(c, key))
			return; /* it was disconnected to be connected anew */
		count(COUNT_OVERWRITTEN);
	}
	forget(c, key);
}

/* Enters a connection. Only state, role and owner are known of one that connects. */
static __always_inline struct conn *enter(
	struct sock *sk, __u64 key, __u32 netns, __u8 state, __u8 role)
{
	struct conn c = {
		.sk = key,
		.start = bpf_ktime_get_ns(),
		.netns = netns,
		.cgroup = sock_cgroup_id(sk),
		.state = state,
		.role = role,
	};

	bpf_map_update_elem(&conns, &key, &c, BPF_NOEXIST);
	return bpf_map_lookup_elem(&conns, &key);
}

static __always_inline void on_connect(struct sock *sk, __u64 key, __u16 transition)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &key);
	__u32 netns = sock_netns(sk);

	if (c && c->last == transition)
		return;
	if (c)
		make_room(c, key);
	if (!sock_in_scope(sk, netns))
		return;
	c = enter(sk, key, netns, TCP_SYN_SENT, ROLE_ACTIVE);
	if (!c)
		return; /* counted when it is established */
	c->last = transition;
	owned_by_current(c, OWNER_CONNECT);
}

/* Counts a connection that found no room, once for both instances of the program. */
static __always_inline void count_untracked(__u64 key)
{
	__u32 zero = 0;
	__u64 *previous = bpf_map_lookup_elem(&untracked, &zero);

	if (!previous || *previous == key)
		return;
	*previous = key;
	count(COUNT_OPENED);
	count(COUNT_UNTRACKED);
}

/* old is SYN_SENT or SYN_RECV. */
static __always_inline void on_established(
	struct sock *sk, __u64 key, __u16 transition, __u8 old, __u8 new)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (c && c->last == transition)
		return;
	/* A record that waits since SYN_SENT is of this connection; any other is of an earlier one.
	 */
	if (c && c->flags & FLAG_OPEN) {
		make_room(c, key);
		c = NULL;
	}
	if (!c) {
		__u32 netns = sock_netns(sk);

		if (!sock_in_scope(sk, netns))
			return;
		c = enter(sk, key, netns, new, old == TCP_SYN_SENT ? ROLE_ACTIVE : ROLE_PASSIVE);
		if (!c) {
			struct conn scratch;

			if (read_tuple(sk, &scratch))
				count_untracked(key);
			return;
		}
	}
	if (!read_tuple(sk, c)) {
		forget(c, key);
		return;
	}
	c->last = transition;
	c->state = new;
	read_bases(tp, c, c->role == ROLE_ACTIVE);
	barrier(); /* the scan may look at any time */
	c->flags |= FLAG_OPEN;
	count(COUNT_OPENED);
	count(COUNT_ADDED);
}

/* In process context the task that holds the socket's lock is the one that acts on it. */
static __always_inline bool held_by_task(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_lock.owned);
}

static __always_inline void on_close(struct sock *sk, __u64 key, __u16 transition, __u8 old)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (!c || c->last == transition)
		return;
	if (!(c->flags & FLAG_OPEN)) { /* refused, timed out, given up */
		forget(c, key);
		return;
	}
	if (c->flags & FLAG_FINAL)
		return;
	c->last = transition;
	if (held_by_task(sk) && old == TCP_ESTABLISHED)
		owned_by_current(c, OWNER_CLOSE);
	c->orphan = !BPF_CORE_READ(sk, sk_socket);
	freeze((struct tcp_sock *)sk, c, old);
}

/* This end says that it is done: of several processes that share the socket, the one that used it.
 */
static __always_inline void on_shutdown(struct sock *sk, __u64 key, __u16 transition, __u8 new)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (!c || c->last == transition)
		return;
	c->last = transition;
	c->state = new;
	if (held_by_task(sk))
		owned_by_current(c, OWNER_CLOSE);
}

static __always_inline void on_state(struct sock *sk, __u8 old, __u8 new)
{
	__u16 transition = old * 16 + new;
	__u64 key = (__u64)sk;

	if (new == TCP_SYN_SENT)
		on_connect(sk, key, transition);
	else if (new == TCP_CLOSE)
		on_close(sk, key, transition, old);
	/* Up to FIN_WAIT1 at once: Fast Open, served and closed before it was established. */
	else if (new == TCP_ESTABLISHED || (new == TCP_FIN_WAIT1 &&old == TCP_SYN_RECV))
		on_established(sk, key, transition, old, new);
	else if (new == TCP_FIN_WAIT1 || new == TCP_LAST_ACK)
		on_shutdown(sk, key, transition, new);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int old, int new)
{
	if (sk->sk_protocol != IPPROTO_TCP) /* MPTCP reports its own states here, too */
		return 0;
	keep_cpu();
	on_state(sk, old, new);
	release_cpu();
	return 0;
}

static __always_inline void on_destroy(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u64 key = (__u64)sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (!c || c->flags & FLAG_FINAL)
		return;
	if (!(c->flags & FLAG_OPEN)) {
		forget(c, key);
		return;
	}
	if (c->state != TCP_CLOSE) { /* found at start in the very moment it closed */
		freeze(tp, c, c->state);
	} else {
		read_on(tp, c);
		if (!c->orphan) /* closed before the application let go of it, which it does now */
			owned_by_current(c, OWNER_CLOSE);
	}
	hand_over(c, key);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcp_destroy_sock, struct sock *sk)
{
	keep_cpu();
	on_destroy(sk);
	release_cpu();
	return 0;
}

/* Mentioned, so that these reach the type information, of which bpf2go makes Go types. */
const enum counter *const unused_counter = NULL;
const enum flag *const unused_flag = NULL;
const enum role *const unused_role = NULL;
const enum owner *const unused_owner = NULL;

char LICENSE[] SEC("license") = "GPL";
