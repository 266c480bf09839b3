/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP/2 without its bodies: of DATA frames only the header is passed on, so that a download does
 * not go through the ring.
 *
 * That needs to know where frames begin, from the first byte of a connection on. Where that is lost
 * (a header in two pieces, too many frames at once) everything is passed on from then on.
 */
#ifndef PLUGINS_EBPFNET_TLS_FRAMES_H
#define PLUGINS_EBPFNET_TLS_FRAMES_H

#include "run.h"

/* RFC 9113 3.4, 4.1 */
#define PREFACE_BYTES 24
#define HEADER_BYTES  9
#define TYPE_DATA     0

#define WALK_BYTES 1024 /* shorter runs are passed on as they are */

struct frame_header {
	__u8 size[3];
	__u8 type;
	__u8 flags;
	__u8 stream[4];
};

/*
 * HTTP/2 shows itself by its first bytes: the client by its preface, the server, which may be
 * first, by a SETTINGS frame.
 */
static __always_inline void look_for_http2(struct session *s, __u64 buf, __u32 len, __u8 side)
{
	__u64 begin;

	if (s->pos[side & 1] || len < HEADER_BYTES || bpf_probe_read_user(&begin, 8, (void *)buf))
		return;
	begin = bpf_be64_to_cpu(begin);
	if (begin == 0x505249202a204854) /* "PRI * HT" */
		s->rest[side & 1] = PREFACE_BYTES;
	else if (begin >> 40 <= 6 * 32 && (begin & 0xffffffffff) == 0x0400000000)
		s->rest[side & 1] = 0;
	else
		return;
	s->walked[side & 1] = 1;
	s->body[side & 1] = 0;
	s->flags |= FLAG_HTTP2;
}

struct walk {
	struct run *run;
	__u32 left; /* bytes that are not passed on yet */
	bool pass;  /* else only look where frames begin */
};

/* One frame, or what is left of it; false at the end of all. */
static __noinline int walk_frame(struct session *s, const struct session_key *key, struct walk *w)
{
	struct run *run = w->run;
	__u32 side = run->side & 1, n, want;
	struct frame_header h;

	if (s->rest[side]) {
		n = s->rest[side] < w->left ? s->rest[side] : w->left;
		s->rest[side] -= n;
		want = s->body[side] ? 0 : n;
	} else {
		if (w->left < HEADER_BYTES ||
			bpf_probe_read_user(&h, sizeof(h), (void *)run->buf)) {
			s->walked[side] = 0;
			return false;
		}
		n = HEADER_BYTES + (h.size[0] << 16 | h.size[1] << 8 | h.size[2]);
		s->body[side] = h.type == TYPE_DATA;
		s->rest[side] = n > w->left ? n - w->left : 0;
		if (n > w->left)
			n = w->left;
		want = s->body[side] ? HEADER_BYTES : n;
	}
	w->left -= n;
	if (!w->pass) {
		run->buf += n;
		return w->left;
	}
	run->len = n;
	run->want = want < CAPTURE_MOST ? want : CAPTURE_MOST;
	advance(s, run, send_run(s, key, run));
	return w->left;
}

/* Passes frames on, as many as are looked at in one go, and returns how many bytes are left. */
static __always_inline __u32 send_frames(
	struct session *s, const struct session_key *key, struct run *run, __u32 len, __u32 want)
{
	struct walk w = {.run = run, .left = len, .pass = len > WALK_BYTES};
	__u64 buf = run->buf;

	if (want < CAPTURE_MOST)
		w.pass = false;
	if (walk_frame(s, key, &w) && walk_frame(s, key, &w) && walk_frame(s, key, &w) &&
		walk_frame(s, key, &w) && walk_frame(s, key, &w) && walk_frame(s, key, &w) &&
		walk_frame(s, key, &w) && walk_frame(s, key, &w))
		s->walked[run->side & 1] = 0; /* there is more */
	if (w.pass)
		return w.left;
	run->buf = buf;
	return len;
}

#endif
