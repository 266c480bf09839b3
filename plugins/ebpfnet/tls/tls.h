/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What travels between the probes in TLS libraries and the plugin.
 *
 *   uprobes: SSL_read, gnutls_record_send, (*tls.Conn).Write, …
 *        │ plaintext                                 which socket?
 *        ▼                                                │
 *   map sessions ◄── tcp_rcv_space_adjust, egress, fd ────┘
 *   (key: process and library object)
 *        │
 *        ▼ ring buffer segments ──► plugin ──► exchange.Tracker
 *                                     │
 *        map orders ◄─────────────────┘ how much of a session is wanted
 *
 * The structures are turned into Go by bpf2go; nothing repeats their layout by hand.
 */
#ifndef PLUGINS_EBPFNET_TLS_H
#define PLUGINS_EBPFNET_TLS_H

#include "../../bpf/kernel.h"
#include <bpf/bpf_helpers.h>

#define BPF_MAP_TYPE_LRU_HASH 9 /* include/uapi/linux/bpf.h */

enum side {
	SIDE_READ,
	SIDE_WRITE,
	SIDES,
};

enum kind {
	KIND_DATA,  /* plaintext */
	KIND_BOUND, /* the connection of the session became known */
	KIND_ENDED, /* the library freed the session */
};

/* The connection of a session. */
struct endpoint {
	__u64 cgroup;	  /* id of the socket's cgroup v2 */
	__u64 cookie;	  /* of the socket; 0 while it has none */
	__u32 netns;	  /* inode number; 0: not known yet */
	__u16 local_port; /* host order */
	__u16 remote_port;
	__u8 local[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote[16];
};

/* A record of the ring; captured bytes follow. */
struct segment {
	__u64 time; /* CLOCK_MONOTONIC ns: a write when it was asked for, a read when it was done */
	__u64 id;   /* of the session: never used again */
	__u64 object;	/* key of the session, with pid */
	__u64 pos;	/* plaintext bytes of this side before */
	__u32 len;	/* plaintext bytes */
	__u32 captured; /* of these */
	__u32 pid;	/* thread group, in the initial pid namespace */
	__u8 kind;	/* enum kind */
	__u8 side;	/* enum side */
	__u8 pad[2];	/* zero */
	struct endpoint at;
};

/* A session of a library: an SSL, a gnutls_session_t, a *tls.Conn. */
struct session_key {
	__u64 object;
	__u32 pid;
	__u32 pad;
};

enum flag {
	FLAG_BOUND = 1, /* its connection is known */
	FLAG_OUT = 2,	/* its connection is not observed */
	FLAG_FD = 4,	/* the library was told its descriptor */
	FLAG_HTTP2 = 8, /* began as such: all is wanted but bodies */
};

struct session {
	__u64 id;
	__u64 sk;	  /* the sock, only compared */
	__u64 transport;  /* of a *tls.Conn: the connection below */
	__u64 pos[SIDES]; /* plaintext bytes so far */
	__u32 fd;
	__u32 flags;	    /* enum flag */
	__u32 rest[SIDES];  /* HTTP/2: bytes of a frame that are still to come */
	__u8 walked[SIDES]; /* HTTP/2: it is known where frames begin */
	__u8 body[SIDES];   /* HTTP/2: what is to come is DATA */
	__u32 pad;
	struct endpoint at;
};

/* How much of each call is wanted of the session with this id. */
struct order {
	__u64 id;
	__u32 bytes; /* 0: nothing more */
	__u32 pad;
};

enum counter {
	COUNT_SEGMENTS,	    /* runs of plaintext that were seen */
	COUNT_LOST,	    /* of these: the ring was full */
	COUNT_UNWANTED,	    /* of these: of sessions that are no HTTP, or not observed */
	COUNT_NO_SESSION,   /* of these: the table of sessions had no room */
	COUNT_UNREADABLE,   /* of these: passed on without their bytes, which could not be read */
	COUNT_OPENED,	    /* sessions that were entered */
	COUNT_ENDED,	    /* of these: freed by the library */
	COUNT_AMBIGUOUS,    /* a thread encrypted for several sessions before it sent */
	COUNT_NO_TRANSPORT, /* a *tls.Conn over something that is no socket */
	COUNT_THREADS,	    /* threads that were entered; they are not taken out again */
	COUNT_READS,	    /* reads of Go that were entered */
	COUNT_READS_ENDED,  /* of these: that returned */
	COUNTERS,
};

#define COUNTERS_MAP tls_counters
#include "../../bpf/count.h"

/*
 * Least recently used first: a process that is killed frees nothing. What had to go is the
 * difference between what was entered, was taken out, and is there: see tables.go. (Of orders it
 * does not matter: then more comes than is wanted, and is asked about again.)
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768); /* set at load */
	__type(key, struct session_key);
	__type(value, struct session);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768); /* as sessions */
	__type(key, struct session_key);
	__type(value, struct order);
} orders SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20); /* set at load */
} segments SEC(".maps");

#endif
