/* SPDX-License-Identifier: GPL-2.0 */
/* Sessions: entered with their first bytes or their first socket, tied to a connection, ended. */
#ifndef PLUGINS_EBPFNET_TLS_SESSION_H
#define PLUGINS_EBPFNET_TLS_SESSION_H

#include "sock.h"

/* Marks the ids of TLS sessions among those of connections. */
#define ID_TLS (1ULL << 63)

static __always_inline __u64 new_id(void)
{
	return ID_TLS | bpf_ktime_get_ns() << 9 >> 1 | (bpf_get_smp_processor_id() & 255);
}

static __always_inline struct session *session_of(const struct session_key *key)
{
	return bpf_map_lookup_elem(&sessions, key);
}

static __always_inline struct session *enter_session(const struct session_key *key)
{
	struct session *s = session_of(key), fresh = {};

	if (s)
		return s;
	fresh.id = new_id();
	if (!bpf_map_update_elem(&sessions, key, &fresh, BPF_NOEXIST))
		count(COUNT_OPENED);
	return session_of(key);
}

/* A record without bytes. */
static __always_inline void tell(const struct session *s, const struct session_key *key, __u8 kind)
{
	struct segment *r = bpf_ringbuf_reserve(&segments, sizeof(*r), 0);

	if (!r)
		return; /* what was known by then the plugin drops after a while */
	__builtin_memset(r, 0, sizeof(*r));
	r->time = bpf_ktime_get_ns();
	r->id = s->id;
	r->object = key->object;
	r->pid = key->pid;
	r->kind = kind;
	r->at = s->at;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

/* The object begins another connection: what follows is a session of its own. */
static __always_inline void renew(struct session *s, const struct session_key *key)
{
	if (s->pos[SIDE_READ] || s->pos[SIDE_WRITE]) {
		tell(s, key, KIND_ENDED);
		s->id = new_id();
	}
	s->pos[SIDE_READ] = s->pos[SIDE_WRITE] = 0;
	s->walked[SIDE_READ] = s->walked[SIDE_WRITE] = 0;
	s->flags &= ~(FLAG_BOUND | FLAG_OUT | FLAG_HTTP2);
	s->sk = 0;
}

/* Ties a session to the connection it was seen to use. */
static __always_inline void bind(struct session *s, const struct session_key *key, struct sock *sk)
{
	if (s->sk == (__u64)sk)
		return;
	if (s->sk)
		renew(s, key);
	s->flags |= describe(sk, &s->at) ? FLAG_BOUND : FLAG_BOUND | FLAG_OUT;
	s->sk = (__u64)sk;
	/* Bytes were passed on before: they wait for this. */
	if (s->pos[SIDE_READ] || s->pos[SIDE_WRITE])
		tell(s, key, KIND_BOUND);
}

static __always_inline void end_session(const struct session_key *key)
{
	struct session *s = session_of(key);

	if (!s)
		return;
	if ((s->pos[SIDE_READ] || s->pos[SIDE_WRITE]) && !(s->flags & FLAG_OUT))
		tell(s, key, KIND_ENDED);
	bpf_map_delete_elem(&orders, key);
	if (!bpf_map_delete_elem(&sessions, key))
		count(COUNT_ENDED);
}

#endif
