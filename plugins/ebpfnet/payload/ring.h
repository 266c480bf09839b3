/* SPDX-License-Identifier: GPL-2.0 */
/* Packets into the ring, in three sizes. Nobody is woken up: the reader polls. */
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

/* Copies the beginning of a piece, of which to takes n bytes, not 0. The verifier sees the bound.
 */
#define LOAD(skb, p, to, n)                                                                        \
	bpf_skb_load_bytes(skb, (p)->offset, to, (((n)-1) & (sizeof(to) - 1)) + 1)

/* Ends with submit or lose: nobody may come in between, see preempt.h. */
#define RESERVE(type)                                                                              \
	({                                                                                         \
		hold_cpu();                                                                        \
		bpf_ringbuf_reserve(&packets, sizeof(type), 0);                                    \
	})

static __always_inline void submit(void *record, __u32 size)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	let_cpu();
	count(COUNT_BYTES, size + RING_HEADER);
}

static __always_inline void lose(__u32 size)
{
	let_cpu();
	count(COUNT_LOST, 1);
	count(COUNT_LOST_BYTES, size + RING_HEADER);
}

static __always_inline __u32 least(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

#define CAPTURE(type, skb, e, p)                                                                   \
	({                                                                                         \
		type *__r = RESERVE(type);                                                         \
		if (__r) {                                                                         \
			__u32 n = least((p)->len, sizeof(__r->data));                              \
			describe(&__r->head, e, p, n);                                             \
			if (LOAD(skb, p, __r->data, n))                                            \
				__r->head.captured = 0;                                            \
			submit(__r, sizeof(type));                                                 \
		} else {                                                                           \
			lose(sizeof(type));                                                        \
		}                                                                                  \
	})

/* Captures a piece, up to the largest size. */
static __always_inline void capture(
	struct __sk_buff *skb, const struct endpoint *e, const struct piece *p)
{
	if (p->len <= SMALL)
		CAPTURE(struct small, skb, e, p);
	else if (p->len <= MEDIUM)
		CAPTURE(struct medium, skb, e, p);
	else
		CAPTURE(struct large, skb, e, p);
}

/* A piece without its payload. */
static __always_inline void mention(const struct endpoint *e, const struct piece *p)
{
	struct packet *r = RESERVE(struct packet);

	if (!r) {
		lose(sizeof(*r));
		return;
	}
	describe(r, e, p, 0);
	submit(r, sizeof(*r));
}

#endif
