/* SPDX-License-Identifier: GPL-2.0 */
/* Plaintext into the ring, in records of few sizes: before 5.19 a record's size is a constant. */
#ifndef PLUGINS_EBPFNET_TLS_RUN_H
#define PLUGINS_EBPFNET_TLS_RUN_H

#include "session.h"

#define CAPTURE_MOST 16384 /* bytes of one record */

/* A run of plaintext on its way out. */
struct run {
	__u64 time;
	__u64 buf; /* in user space */
	__u32 len;
	__u32 want; /* bytes to capture */
	__u8 side;
};

static __always_inline void fill(struct segment *r, const struct session *s,
	const struct session_key *key, const struct run *run)
{
	r->time = run->time;
	r->id = s->id;
	r->object = key->object;
	r->pos = s->pos[run->side & 1];
	r->len = run->len;
	r->pid = key->pid;
	r->kind = KIND_DATA;
	r->side = run->side;
	r->pad[0] = r->pad[1] = 0;
	r->at = s->at;
}

/* A record with room for BYTES. */
#define SEND(BYTES)                                                                                \
	({                                                                                         \
		struct {                                                                           \
			struct segment head;                                                       \
			__u8 data[BYTES];                                                          \
		} *r = bpf_ringbuf_reserve(&segments, sizeof(*r), 0);                              \
		__u32 n = run->want;                                                               \
                                                                                                   \
		if (r) {                                                                           \
			fill(&r->head, s, key, run);                                               \
			asm volatile("" : "+r"(n));                                                \
			if (n > BYTES)                                                             \
				n = BYTES;                                                         \
			if (n && bpf_probe_read_user(r->data, n, (void *)run->buf)) {              \
				count(COUNT_UNREADABLE);                                           \
				n = 0;                                                             \
			}                                                                          \
			r->head.captured = n;                                                      \
			bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);                                   \
		}                                                                                  \
		r != NULL;                                                                         \
	})

static __always_inline bool send_run(
	const struct session *s, const struct session_key *key, const struct run *run)
{
	if (run->want <= 256)
		return SEND(256);
	if (run->want <= 1024)
		return SEND(1024);
	if (run->want <= 4096)
		return SEND(4096);
	return SEND(CAPTURE_MOST);
}

/* Counts a record that was tried, and moves on behind it. */
static __always_inline void advance(struct session *s, struct run *run, bool sent)
{
	count(COUNT_SEGMENTS);
	if (!sent)
		count(COUNT_LOST);
	s->pos[run->side & 1] += run->len;
	run->buf += run->len;
}

#endif
