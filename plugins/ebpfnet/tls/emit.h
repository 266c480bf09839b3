/* SPDX-License-Identifier: GPL-2.0 */
/* Plaintext into the ring, in records of few sizes: before 5.19 a record's size is a constant. */
#ifndef PLUGINS_EBPFNET_TLS_EMIT_H
#define PLUGINS_EBPFNET_TLS_EMIT_H

#include "session.h"

#define CAPTURE_FIRST 4096  /* bytes of each call until somebody has looked at them */
#define CAPTURE_MOST  16384 /* bytes of one record */
#define RECORDS	      4	    /* per call */

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

static __always_inline __u32 wanted(const struct session *s, const struct session_key *key)
{
	struct order *o = bpf_map_lookup_elem(&orders, key);

	if (o && o->id == s->id)
		return o->bytes;
	return s->flags & FLAG_HTTP2 ? CAPTURE_MOST * RECORDS : CAPTURE_FIRST;
}

/* Is there no use in looking at the calls of this session at all? */
static __always_inline bool ignored(const struct session *s, const struct session_key *key)
{
	return s->flags & FLAG_OUT || !wanted(s, key);
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

/* Of more than fits in a record the first part. */
static __always_inline void send_first(
	struct session *s, const struct session_key *key, struct run *run, __u32 *len, __u32 *want)
{
	if (*want <= CAPTURE_MOST)
		return;
	run->len = run->want = CAPTURE_MOST;
	advance(s, run, SEND(CAPTURE_MOST));
	*len -= CAPTURE_MOST;
	*want -= CAPTURE_MOST;
}

/* Passes a run on as it is, as far as want says. */
static __always_inline void send_all(
	struct session *s, const struct session_key *key, struct run *run, __u32 len, __u32 want)
{
	if (want > len)
		want = len;
	/* RECORDS - 1 times; 5.10 refuses the loop that clang makes of it. */
	send_first(s, key, run, &len, &want);
	send_first(s, key, run, &len, &want);
	send_first(s, key, run, &len, &want);
	run->len = len;
	run->want = want < CAPTURE_MOST ? want : CAPTURE_MOST;
	advance(s, run, send_run(s, key, run));
}

#include "frames.h"

/* Passes len bytes at buf on, or only the fact that there were so many: always so without a buf. */
static __always_inline void emit(struct session *s, const struct session_key *key, __u64 buf,
	__u32 len, __u8 side, __u64 time)
{
	struct run run = {.time = time, .buf = buf, .side = side};
	__u32 want;

	look_for_http2(s, buf, len, side);
	want = wanted(s, key);
	if (s->flags & FLAG_OUT || !want) {
		count(COUNT_SEGMENTS);
		count(COUNT_UNWANTED);
		s->pos[side & 1] += len;
		return;
	}
	if (!buf)
		want = 0;
	if (s->walked[side & 1])
		len = send_frames(s, key, &run, len, want);
	if (len)
		send_all(s, key, &run, len, want);
}

#endif
