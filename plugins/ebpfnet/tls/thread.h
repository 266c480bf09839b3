/* SPDX-License-Identifier: GPL-2.0 */
/* What a thread is doing inside a C library: the calls it has not returned from. */
#ifndef PLUGINS_EBPFNET_TLS_THREAD_H
#define PLUGINS_EBPFNET_TLS_THREAD_H

#include "session.h"

/* A call in progress. */
struct frame {
	__u64 sp; /* at entry: names the call, because the stack grows down; 0: none */
	__u64 object;
	__u64 buf;
	__u64 size; /* where an _ex function leaves the number of bytes; 0: it returns it */
	__u64 time;
	__u8 side;
	__u8 pad[7];
};

/* What was encrypted for a session without a known connection, and not seen leaving yet. */
struct pending {
	__u64 object;
	__u32 len;
	__u32 pad;
};

struct thread {
	struct frame outer;
	struct frame inner; /* TLS inside TLS: a proxy that is reached by https */
	struct pending pending;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768); /* as sessions */
	__type(key, __u64);	    /* thread and thread group */
	__type(value, struct thread);
} threads SEC(".maps");

/*
 * Which threads have ever done TLS, by the low bits of their ids. Whoever else sends or reads pays
 * for one look at an array.
 */
#define MARKS 16384

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MARKS);
	__type(key, __u32);
	__type(value, __u8);
} marks SEC(".maps");

static __always_inline __u8 *mark_of(__u32 tid)
{
	__u32 i = tid & (MARKS - 1);

	return bpf_map_lookup_elem(&marks, &i);
}

static __always_inline bool marked(__u32 tid)
{
	__u8 *mark = mark_of(tid);

	return mark && *mark;
}

static __always_inline struct thread *current_thread(void)
{
	__u64 id = task_id();

	return bpf_map_lookup_elem(&threads, &id);
}

static __always_inline struct thread *enter_thread(void)
{
	__u64 id = task_id();
	struct thread *t = bpf_map_lookup_elem(&threads, &id);
	struct thread fresh = {};
	__u8 *mark;

	if (t)
		return t;
	mark = mark_of(id);
	if (mark)
		*mark = 1;
	if (!bpf_map_update_elem(&threads, &id, &fresh, BPF_NOEXIST))
		count(COUNT_THREADS);
	return bpf_map_lookup_elem(&threads, &id);
}

static __always_inline struct session_key key_of(__u64 object)
{
	struct session_key key = {.object = object, .pid = task_id() >> 32};

	return key;
}

/*
 * A library may encrypt now and let the application send later. Then the thread's next TLS record
 * of fitting size tells the connection, as long as one session waits for that only.
 */
static __always_inline void await_send(struct thread *t, __u64 object, __u32 len)
{
	if (t->pending.object == object)
		return;
	if (t->pending.object) {
		count(COUNT_AMBIGUOUS);
		t->pending.object = 0;
		return;
	}
	t->pending.object = object;
	t->pending.len = len;
}

#endif
