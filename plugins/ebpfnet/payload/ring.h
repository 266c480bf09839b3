/* SPDX-License-Identifier: GPL-2.0 */
/* Packets into the ring, in a few sizes. Nobody is woken up: the reader polls. */
#ifndef PLUGINS_EBPFNET_PAYLOAD_RING_H
#define PLUGINS_EBPFNET_PAYLOAD_RING_H

#include "maps.h"
#include "../../bpf/preempt.h"

/* A part of a packet's payload. */
struct piece {
	__u32 offset; /* from the network header */
	__u32 len;    /* bytes it stands for */
	__u32 seq;
	__u8 kind;
	__u8 flags;
};

#define RING_HEADER 8 /* kernel/bpf/ringbuf.c */

static __always_inline __u32 least(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

/*
 * Where there is room for n bytes, a constant, of a packet's payload; NULL when there is none,
 * which is counted. Ends with submit: nobody may come in between, see preempt.h. What is
 * touched is what costs: a line of the ring was last seen by another CPU, or long ago.
 */
static __always_inline struct packet *reserve(const __u32 n)
{
	struct packet *r;

	hold_cpu();
	r = bpf_ringbuf_reserve(&packets, sizeof(*r) + n, 0);
	if (!r) {
		let_cpu();
		count(COUNT_LOST);
		count_by(COUNT_LOST_BYTES, sizeof(*r) + n + RING_HEADER);
	}
	return r;
}

static __always_inline void submit(struct packet *r, const __u32 n)
{
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	let_cpu();
	count_by(COUNT_BYTES, sizeof(*r) + n + RING_HEADER);
}

static __always_inline void describe(
	struct packet *to, const struct endpoint *e, const struct piece *p, __u32 captured)
{
	to->time = bpf_ktime_get_ns();
	__builtin_memcpy(&to->end, e, sizeof(to->end));
	to->seq = p->seq;
	to->len = p->len;
	to->captured = captured;
	to->kind = p->kind;
	to->flags = p->flags;
}

/*
 * Fills a record with the beginning of a piece, which is not empty. room is a power of two: the
 * verifier sees the bound.
 */
static __always_inline bool fill(struct packet *r, struct __sk_buff *skb, const struct endpoint *e,
	const struct piece *p, const __u32 room)
{
	__u32 n = least(p->len, room);

	describe(r, e, p, n);
	barrier_var(n);
	if (!bpf_skb_load_bytes(skb, p->offset, r + 1, ((n - 1) & (room - 1)) + 1))
		return true;
	r->captured = 0;
	return false;
}

static __always_inline void capture_in(
	struct __sk_buff *skb, const struct endpoint *e, const struct piece *p, const __u32 room)
{
	struct packet *r = reserve(room);

	if (!r)
		return;
	fill(r, skb, e, p, room);
	submit(r, room);
}

/* Captures a piece, up to the largest size. */
static __always_inline void capture(
	struct __sk_buff *skb, const struct endpoint *e, const struct piece *p)
{
	if (p->len <= TINY)
		capture_in(skb, e, p, TINY);
	else if (p->len <= SMALL)
		capture_in(skb, e, p, SMALL);
	else if (p->len <= MEDIUM)
		capture_in(skb, e, p, MEDIUM);
	else
		capture_in(skb, e, p, LARGE);
}

/* A piece without its payload. */
static __always_inline void mention(const struct endpoint *e, const struct piece *p)
{
	struct packet *r = reserve(0);

	if (!r)
		return;
	describe(r, e, p, 0);
	submit(r, 0);
}

#endif
