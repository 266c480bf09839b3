/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP/2 whose preface came to the listener: deferred accept, Fast Open. Nothing that follows looks
 * like it, so what is known has to be handed on to the socket that is made for the connection.
 */
#ifndef PLUGINS_EBPFNET_PAYLOAD_PREFACE_H
#define PLUGINS_EBPFNET_PAYLOAD_PREFACE_H

#include "maps.h"

struct tuple {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 netns;
};

/* A connection that is given up by its client leaves its preface to be evicted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tuple);
	__type(value, __u8);
} prefaces SEC(".maps");

static __always_inline void set_tuple(struct tuple *t, const struct endpoint *e)
{
	__builtin_memcpy(t->local, e->local, sizeof(t->local));
	__builtin_memcpy(t->remote, e->remote, sizeof(t->remote));
	t->local_port = e->local_port;
	t->remote_port = e->remote_port;
	t->netns = e->netns;
}

static __always_inline void note_preface(const struct endpoint *e)
{
	struct tuple t;
	__u8 here = 1;

	set_tuple(&t, e);
	bpf_map_update_elem(&prefaces, &t, &here, BPF_ANY);
}

/* Did the connection begin with a preface? Only the first who asks is told. */
static __always_inline bool claim_preface(const struct endpoint *e)
{
	struct tuple t;

	set_tuple(&t, e);
	return !bpf_map_delete_elem(&prefaces, &t);
}

#endif
