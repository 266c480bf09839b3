/* SPDX-License-Identifier: GPL-2.0 */
/* How much of a session's plaintext is passed on, and in which pieces. */
#ifndef PLUGINS_EBPFNET_TLS_EMIT_H
#define PLUGINS_EBPFNET_TLS_EMIT_H

#include "frames.h"

#define CAPTURE_FIRST 4096 /* bytes of each call until somebody has looked at them */
#define RECORDS	      4	   /* per call */

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
