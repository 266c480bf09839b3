/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The record of one TCP connection and the maps it travels through.
 *
 *      tcpstate.bpf.c          tcpowner.bpf.c        tcpscan.bpf.c
 *   born, closed, destroyed     pid, name         found at start, read live
 *            │                      │                      │
 *            └───────────────► map conns ◄─────────────────┤
 *            │               (key: the sock)               │
 *            ▼ destroyed                                   ▼ once per interval
 *     ring buffer closed ──────────────► plugin ◄──── iter/bpf_map_elem
 *
 * struct conn is turned into Go by bpf2go; nothing repeats its layout by hand.
 */
#ifndef PLUGINS_EBPFNET_CONN_H
#define PLUGINS_EBPFNET_CONN_H

#include "../bpf/kernel.h"
#include <bpf/bpf_helpers.h>

/* How the owner was learned, in the order of trust. */
enum owner {
	OWNER_UNKNOWN,
	OWNER_SCAN,    /* holds a descriptor of it; of several the lowest pid */
	OWNER_ACCEPT,  /* accepted it */
	OWNER_CLOSE,   /* shut it down: of a prefork server the child that served it */
	OWNER_CONNECT, /* connected it */
};

enum role {
	ROLE_UNKNOWN,
	ROLE_ACTIVE,  /* this end connected */
	ROLE_PASSIVE, /* this end was connected to */
};

enum flag {
	FLAG_OPEN = 1,	/* was established; without it the record only waits for that */
	FLAG_FOUND = 2, /* was established before we came: it does not count as opened */
	FLAG_FINAL = 4, /* the socket is gone, the record waits to be read */
	FLAG_LOST = 8,	/* its end was not seen, but inferred by the scan */
};

struct conn {
	__u64 sk;    /* address of the sock, the key: unique only while it lives … */
	__u64 start; /* … and unique with this: CLOCK_MONOTONIC ns when the record was made */

	__u64 written; /* payload: what the application handed over … */
	__u64 read;    /* … and what it read; both set at CLOSE and by the scan */

	__u64 base_written; /* both at the time it was found, for one that was open before we came
			     */
	__u64 base_read;

	__u64 raw_received; /* bytes_received and write_seq at CLOSE: */
	__u32 raw_write;    /* a disconnect zeroes them before the socket is destroyed */

	__u32 write_base; /* sequence number before the first byte of payload, per direction */
	__u32 read_base;

	__u32 retransmits;
	__u32 base_retransmits;
	__u32 rtt;     /* µs */
	__u32 rtt_var; /* µs */

	__u64 cgroup;  /* id of the socket's cgroup v2, where it is wanted */
	__u32 netns;   /* inode number */
	__u32 pid;     /* thread group, in the initial pid namespace; 0 unknown */
	char comm[16]; /* of its leader */

	__u8 local[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote[16];
	__u16 local_port; /* host order */
	__u16 remote_port;

	__u16 last;  /* last transition seen, old*16+new: see tcpstate.bpf.c */
	__u8 state;  /* TCP state as of the last transition we follow */
	__u8 flags;  /* enum flag */
	__u8 role;   /* enum role */
	__u8 owner;  /* enum owner */
	__u8 orphan; /* at CLOSE no descriptor referred to the socket any more */
	__u8 pad;
};

/* What happened to connections in scope. The ledger of the plugin is made of these. */
enum counter {
	COUNT_OPENED,	   /* established while we watched */
	COUNT_FOUND,	   /* established before */
	COUNT_UNTRACKED,   /* of both: never in the table, it was full */
	COUNT_REMOVED,	   /* of both: taken out of the table again */
	COUNT_KEPT,	   /* closed, but the ring was full: left in the table for the scan */
	COUNT_OVERWRITTEN, /* left there, but its place was needed first: lost */
	COUNT_REPAIRED,	   /* the end was not seen, but inferred later */
	COUNT_RECHECKED,   /* the scan met a record in the moment it changed; read next time */
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536); /* max_connections, set at load */
	__type(key, __u64);
	__type(value, struct conn);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20); /* ten thousand records */
} closed SEC(".maps");

#include "../bpf/count.h"

/* Ports that were listened on when we came, for the direction of what was already open. */
struct listener {
	__u32 netns;
	__u16 port;
	__u16 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct listener);
	__type(value, __u8);
} listeners SEC(".maps");

/* The last connection that found no room, so that it is counted once: see tcpstate.bpf.c. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} untracked SEC(".maps");

#endif
