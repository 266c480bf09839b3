/* SPDX-License-Identifier: GPL-2.0 */
/* The maps of the packet programs, and what decides whether a socket is looked at at all. */
#ifndef PLUGINS_EBPFNET_PAYLOAD_MAPS_H
#define PLUGINS_EBPFNET_PAYLOAD_MAPS_H

#include "payload.h"
#include "../../bpf/count.h"
#include "../../bpf/scope.h"

const volatile bool want_udp = false;
const volatile bool want_http = false;
const volatile bool want_dns = false;
const volatile bool want_cgroup = false;
const volatile bool include_loopback = false;
const volatile bool ipv6_disabled = false;

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tcp_socket);
} tcp_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct udp_socket);
} udp_sockets SEC(".maps");

/*
 * The state of a socket; with BPF_SK_STORAGE_GET_F_CREATE it is made where there is none. Making
 * it fails when another CPU is at it too (bpf_local_storage_update): then it is there.
 */
static __always_inline void *state_of(void *sockets, void *sk, __u64 flags)
{
	void *state = bpf_sk_storage_get(sockets, sk, 0, flags);

	return state || !flags ? state : bpf_sk_storage_get(sockets, sk, 0, flags);
}

/*
 * UDP flows. The reader exchanges the inner map; the kernel then waits until no program uses the
 * old one any more (maybe_wait_bpf_programs), so that it is read at rest and exactly.
 */
struct flow_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536); /* max_flows, set at load */
	__uint(key_size, sizeof(struct flow_key));
	__uint(value_size, sizeof(struct flow));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct flow_map);
} flows SEC(".maps");

/*
 * Owners of the UDP sockets that were there before us, by the address of the sock. A sock that took
 * the place of another one has, as a rule, another port or namespace.
 */
struct found {
	__u32 pid; /* of several the lowest */
	__u32 netns;
	__u32 port;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct found);
} udp_found SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} packets SEC(".maps");

/* Modes the reader asks for, by cookie. A socket that is gone leaves its mark to be evicted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} marks SEC(".maps");

/* How many marks there were: without new ones nobody looks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} marked SEC(".maps");

/* The task at hand. Its tgid is read: not all programs may ask for it before Linux 6.5. */
static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* Takes the task at hand for the owner, where it is known to act on the socket. Kernel threads own
 * none. */
static __always_inline void note_owner(struct task_struct *task, __u32 *owner, char *comm)
{
	__u32 pid = BPF_CORE_READ(task, tgid);
	struct task_struct *leader;

	if (pid == *owner || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	leader = BPF_CORE_READ(task, group_leader);
	*owner = pid;
	bpf_probe_read_kernel(comm, 16, __builtin_preserve_access_index(&leader->comm));
}

#endif
