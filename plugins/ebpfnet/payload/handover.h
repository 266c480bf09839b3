/* SPDX-License-Identifier: GPL-2.0 */
/* What is handed over of the packets of a connection, which depends on what they look like. */
#ifndef PLUGINS_EBPFNET_PAYLOAD_HANDOVER_H
#define PLUGINS_EBPFNET_PAYLOAD_HANDOVER_H

#include "ring.h"
#include "head.h"
#include "segment.h"

/* Returns an enum looks. */
__noinline int look_at(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	__u8 begin[HEAD] __attribute__((aligned(8))) = {};
	long err;

	if (len >= HEAD)
		err = bpf_skb_load_bytes(skb, offset, begin, HEAD);
	else
		err = bpf_skb_load_bytes(skb, offset, begin, ((len - 1) & (HEAD - 1)) + 1);
	return err ? LOOKS_OTHER : look(begin, len);
}

/* Takes note of what a packet looks like; false when it is not wanted. */
static __always_inline bool follow(struct tcp_socket *s, const struct segment *g, enum looks *looks)
{
	__u8 side = side_of(g);

	/* What the other side sends is content, whatever it looks like. */
	if (asks(*looks) && s->client && s->client != side)
		*looks = LOOKS_OTHER;
	if (*looks == LOOKS_OTHER) {
		if (s->mode == MODE_SEEK && !--s->patience) {
			s->mode = MODE_OFF;
			count(COUNT_OTHER);
		}
		return s->mode == MODE_HEADS || s->mode == MODE_ALL;
	}
	if (s->mode == MODE_SEEK) {
		s->mode = MODE_HEADS;
		count(COUNT_HTTP);
	}
	switch (*looks) {
	case LOOKS_HTTP2:
		s->client = side;
		s->mode = MODE_ALL;
		break;
	case LOOKS_REQUEST:
		s->client = side;
		if (s->asked)
			s->mode = MODE_ALL;
		s->asked = true;
		break;
	case LOOKS_UPGRADE:
		s->mode = MODE_ALL;
		break;
	case LOOKS_PROXY:
		s->client = side;
		break;
	default:
		s->asked = false;
	}
	return true;
}

/* As long as a packet can be; what lies beyond is only counted. */
#define CHUNKS (65536 / LARGE)

/* Captures a part of a packet, up to the largest size. */
__noinline int capture_part(struct __sk_buff *skb, __u32 offset, __u32 len, __u32 seq, __u32 flags)
{
	struct bpf_sock *sk = skb->sk;
	struct piece p = {.offset = offset, .len = len, .seq = seq, .flags = flags};
	struct tcp_socket *s;

	if (!sk || !len)
		return 0;
	s = bpf_sk_storage_get(&tcp_sockets, sk, 0, 0);
	if (!s)
		return 0;
	p.kind = s->kind;
	capture(skb, &s->end, &p);
	return 0;
}

/* Captures a part of a packet whole. */
__noinline int capture_whole(struct __sk_buff *skb, __u32 offset, __u32 len, __u32 seq, __u32 flags)
{
	for (int i = 0; i < CHUNKS && len > LARGE; i++) {
		capture_part(skb, offset, LARGE, seq, flags);
		offset += LARGE;
		seq += LARGE;
		len -= LARGE;
	}
	capture_part(skb, offset, len, seq, flags);
	return 0;
}

/* What a packet that was captured turned out to be: an enum looks, an enum scan. */
#define FOUND(looks, scan) ((looks) | (scan) << 8)
#define FOUND_LOOKS(found) ((enum looks)((found)&0xff))
#define FOUND_SCAN(found)  ((enum scan)((found) >> 8))

/*
 * Captures the beginning of what a client sends and looks at it there, so that it is read once.
 */
static __always_inline int capture_asking(struct __sk_buff *skb, const struct tcp_socket *s,
	const struct piece *p, const __u32 room, const bool single)
{
	enum looks looks = LOOKS_OTHER;
	enum scan more = SCAN_ONE;
	struct packet *r = reserve(room);
	__u8 *data = (__u8 *)(r + 1);

	if (!r)
		return FOUND(look_at(skb, p->offset, p->len), SCAN_ONE);
	__builtin_memset(data, 0, HEAD);
	if (fill(r, skb, &s->end, p, room)) {
		looks = look(data, p->len);
		if (!single && asks(looks))
			more = scan(data, room, p->len);
	}
	submit(r, room);
	return FOUND(looks, more);
}

/*
 * The same up to the middle size. Clients that ask again and again send requests of few lengths;
 * one as long as the last that was single is not scanned. Should it be two after all, the reader
 * sees that and asks for whole packets.
 */
__noinline int capture_request(
	struct __sk_buff *skb, __u32 offset, __u32 len, __u32 seq, __u32 flags)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_socket *s;
	struct piece p = {.offset = offset, .len = len, .seq = seq, .flags = flags};

	if (!sk || !len || len > MEDIUM)
		return FOUND(LOOKS_OTHER, SCAN_ONE);
	s = bpf_sk_storage_get(&tcp_sockets, sk, 0, 0);
	if (!s)
		return FOUND(LOOKS_OTHER, SCAN_ONE);
	p.kind = s->kind;
	if (len == s->single && len <= TINY)
		return capture_asking(skb, s, &p, TINY, true);
	if (len <= SMALL)
		return capture_asking(skb, s, &p, SMALL, len == s->single);
	return capture_asking(skb, s, &p, MEDIUM, len == s->single);
}

/*
 * The same for what a server sends. Behind an upgrade another protocol may begin: then the record
 * stands for what it holds.
 */
static __always_inline enum looks capture_reply(
	struct __sk_buff *skb, struct tcp_socket *s, const struct piece *p, const __u32 room)
{
	enum looks looks = LOOKS_OTHER;
	struct packet *r = reserve(room);
	__u8 *data = (__u8 *)(r + 1);

	if (!r)
		return look_at(skb, p->offset, p->len);
	__builtin_memset(data, 0, HEAD);
	if (fill(r, skb, &s->end, p, room))
		looks = look_reply(data);
	if (looks == LOOKS_UPGRADE)
		r->len = least(p->len, room);
	submit(r, room);
	return looks;
}

/* Takes note of how many requests a packet of len bytes holds. */
static __always_inline void note_requests(struct tcp_socket *s, __u32 len, enum scan more)
{
	if (more == SCAN_MORE)
		s->mode = MODE_ALL;
	s->single = more == SCAN_ONE ? len : 0;
}

/* A request: the rest of a large one as well if it holds another, or may. */
static __always_inline void hand_over_request(
	struct __sk_buff *skb, struct tcp_socket *s, const struct segment *g)
{
	__u32 first = least(g->len, MEDIUM);
	enum scan more = FOUND_SCAN(capture_request(skb, g->offset, first, g->seq, g->egress));
	struct piece rest = {.offset = g->offset + first,
		.len = g->len - first,
		.seq = g->seq + first,
		.kind = s->kind,
		.flags = g->egress};

	note_requests(s, g->len == first ? first : 0, more);
	if (!rest.len)
		return;
	if (more == SCAN_ONE)
		mention(&s->end, &rest);
	else
		capture_whole(skb, rest.offset, rest.len, rest.seq, rest.flags);
}

static __always_inline void hand_over(
	struct __sk_buff *skb, struct tcp_socket *s, const struct segment *g, enum looks looks)
{
	struct piece p = {.offset = g->offset,
		.len = g->len,
		.seq = g->seq,
		.kind = s->kind,
		.flags = g->egress};

	if (s->mode == MODE_ALL)
		capture_whole(skb, p.offset, p.len, p.seq, p.flags);
	else if (asks(looks))
		hand_over_request(skb, s, g);
	else
		capture_in(skb, &s->end, &p, SMALL);
}

/* A packet of a connection that is known for HTTP, of which the beginning is wanted. */
static __always_inline void hand_over_head(
	struct __sk_buff *skb, struct tcp_socket *s, const struct segment *g)
{
	struct piece p = {.offset = g->offset,
		.len = g->len,
		.seq = g->seq,
		.kind = s->kind,
		.flags = g->egress};
	enum scan more = SCAN_ONE;
	enum looks looks;

	if (s->client == side_of(g)) {
		int found = capture_request(skb, p.offset, p.len, p.seq, p.flags);

		looks = FOUND_LOOKS(found);
		more = FOUND_SCAN(found);
	} else if (p.len <= TINY) {
		looks = capture_reply(skb, s, &p, TINY);
	} else {
		looks = capture_reply(skb, s, &p, SMALL);
	}
	follow(s, g, &looks);
	if (asks(looks))
		note_requests(s, p.len, more);
	else if (looks == LOOKS_UPGRADE && p.len > SMALL)
		capture_whole(skb, p.offset + SMALL, p.len - SMALL, p.seq + SMALL, p.flags);
}

/* May hand_over_head have it? */
static __always_inline bool is_head_enough(const struct tcp_socket *s, const struct segment *g)
{
	return s->mode == MODE_HEADS && s->client && (s->client != side_of(g) || g->len <= MEDIUM);
}

#endif
