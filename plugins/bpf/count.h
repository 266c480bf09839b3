/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters. What is counted stays with who counts: enum counter, which ends with COUNTERS, stands
 * before this is included, and COUNTERS_MAP where objects that are loaded together count apart.
 */
#ifndef PLUGINS_BPF_COUNT_H
#define PLUGINS_BPF_COUNT_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>

#ifndef COUNTERS_MAP
#define COUNTERS_MAP counters
#endif

struct counts {
	__u64 of[COUNTERS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counts);
} COUNTERS_MAP SEC(".maps");

/* Each CPU has its own, but programs interrupt each other on one: hence the atomic. */
static __always_inline void count_by(enum counter which, __u64 n)
{
	__u32 zero = 0;
	struct counts *c = bpf_map_lookup_elem(&COUNTERS_MAP, &zero);

	if (c)
		__sync_fetch_and_add(&c->of[which], n);
}

static __always_inline void count(enum counter which)
{
	count_by(which, 1);
}

#endif
