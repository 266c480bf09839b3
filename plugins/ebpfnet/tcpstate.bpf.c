//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * The life of TCP connections, by two tracepoints. Neither runs per packet or per send.
 *
 * Both programs are attached at least twice. From kernel 6.1 on a raw tracepoint program is skipped
 * when it interrupts itself (a softirq in the midst of a system call on the same CPU); then the
 * other instance runs. Contexts nest two deep, so two instances see everything, and what both see
 * is recognised by the last transition of the record.
 */
#define TYPED_POINTERS
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

static __always_inline void begin(
	struct conn *c, struct sock *sk, __u32 netns, __u16 transition, __u8 role)
{
	c->sk = (__u64)sk;
	c->start = bpf_ktime_get_ns();
	c->netns = netns;
	c->cgroup = want_cgroup ? sock_cgroup_id(sk) : 0;
	c->last = transition;
	c->state = transition & 15;
	c->role = role;
}

/* Enters a connection that is not established yet, for the sake of who makes it. */
static __always_inline void on_connect(
	struct sock *sk, struct conn *old, __u64 key, __u16 transition)
{
	__u32 netns = sock_netns(sk);
	struct conn c = {};

	if (old)
		make_room(old, key);
	if (!sock_in_scope(sk, netns))
		return;
	begin(&c, sk, netns, transition, ROLE_ACTIVE);
	owned_by_current(&c, OWNER_CONNECT);
	/* Without room it is counted when it is established. */
	bpf_map_update_elem(&conns, &key, &c, BPF_NOEXIST);
}

/* Counts a connection that found no room, once for all instances of the program. */
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

/* Fills in what is fixed from now on; false when such connections are not observed. */
static __always_inline bool establish(struct tcp_sock *tp, struct conn *c, __u16 transition)
{
	if (!read_tuple(tp, c))
		return false;
	read_bases(tp, c, c->role == ROLE_ACTIVE);
	c->last = transition;
	c->state = transition & 15;
	barrier(); /* the scan may look at any time */
	c->flags |= FLAG_OPEN;
	return true;
}

/* From SYN_SENT or SYN_RECV. */
static __always_inline void on_established(
	struct sock *sk, struct conn *c, __u64 key, __u16 transition)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return;
	/* A record that waits since SYN_SENT is of this connection; any other is of an earlier one.
	 */
	if (c && c->flags & FLAG_OPEN) {
		make_room(c, key);
		c = NULL;
	}
	if (c) {
		if (establish(tp, c, transition))
			count(COUNT_OPENED);
		else
			forget(c, key);
	} else {
		struct conn new = {};
		__u32 netns = sock_netns(sk);

		if (!sock_in_scope(sk, netns))
			return;
		begin(&new, sk, netns, transition,
			transition >> 4 == TCP_SYN_SENT ? ROLE_ACTIVE : ROLE_PASSIVE);
		if (!establish(tp, &new, transition))
			return;
		if (bpf_map_update_elem(&conns, &key, &new, BPF_NOEXIST))
			count_untracked(key);
		else
			count(COUNT_OPENED);
	}
}

/* In process context the task that holds the socket's lock is the one that acts on it. */
static __always_inline bool held_by_task(struct sock *sk)
{
	return sk->sk_lock.owned;
}

static __always_inline void on_close(struct sock *sk, struct conn *c, __u64 key, __u16 transition)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	__u8 old = transition >> 4;

	if (!tp)
		return;
	if (!(c->flags & FLAG_OPEN)) { /* refused, timed out, given up */
		forget(c, key);
		return;
	}
	c->last = transition;
	if (held_by_task(sk) && old == TCP_ESTABLISHED)
		owned_by_current(c, OWNER_CLOSE);
	c->orphan = !sk->sk_socket;
	freeze(tp, c, old);
}

/* This end is done: of several processes that share the socket it is the one that used it. */
static __always_inline void on_shutdown(struct sock *sk, struct conn *c, __u16 transition)
{
	c->last = transition;
	c->state = transition & 15;
	if (held_by_task(sk))
		owned_by_current(c, OWNER_CLOSE);
}

/* The transitions that matter. What others say shows later. */
static __always_inline bool matters(__u8 new)
{
	return new == TCP_SYN_SENT || new == TCP_ESTABLISHED || new == TCP_FIN_WAIT1 ||
	       new == TCP_LAST_ACK || new == TCP_CLOSE;
}

static __always_inline void on_state(struct sock *sk, struct conn *c, __u64 key, __u16 transition)
{
	__u8 old = transition >> 4, new = transition & 15;

	if (new == TCP_SYN_SENT) {
		on_connect(sk, c, key, transition);
	} else if (new == TCP_CLOSE) {
		if (c && !(c->flags & FLAG_FINAL))
			on_close(sk, c, key, transition);
	} else if (new == TCP_ESTABLISHED || old == TCP_SYN_RECV) {
		/* Up to FIN_WAIT1 at once: Fast Open, served and closed before it was established.
		 */
		on_established(sk, c, key, transition);
	} else if (c && !(c->flags & FLAG_FINAL)) {
		on_shutdown(sk, c, transition);
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int old, int new)
{
	__u16 transition = old * 16 + new;
	__u64 key = (__u64)sk;
	struct conn *c;

	keep_cpu();
	/* MPTCP reports its own states here, too. */
	if (matters(new) && sk->sk_protocol == IPPROTO_TCP) {
		c = bpf_map_lookup_elem(&conns, &key);
		if (!c || c->last != transition) /* else another instance has seen to it */
			on_state(sk, c, key, transition);
	}
	release_cpu();
	return 0;
}

static __always_inline void on_destroy(struct sock *sk, struct conn *c, __u64 key)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
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
	__u64 key = (__u64)sk;
	struct conn *c;

	keep_cpu();
	c = bpf_map_lookup_elem(&conns, &key);
	if (c && !(c->flags & FLAG_FINAL))
		on_destroy(sk, c, key);
	release_cpu();
	return 0;
}

/* Mentioned, so that these reach the type information, of which bpf2go makes Go types. */
const enum counter *const unused_counter = NULL;
const enum flag *const unused_flag = NULL;
const enum role *const unused_role = NULL;
const enum owner *const unused_owner = NULL;

char LICENSE[] SEC("license") = "GPL";
