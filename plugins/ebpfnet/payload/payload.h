/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the packet programs keep of sockets and hand over.
 *
 *     socket.bpf.c                    packet.bpf.c
 *  sock_create, connect,         cgroup_skb ingress, egress
 *  sendmsg, recvmsg                   │            │
 *       │ owner                       │ UDP        │ TCP, DNS
 *       ▼                             ▼            ▼
 *  udp_sockets ────────────────► map of flows   ring packets ◄── tcp_sockets
 *  (socket storage)              (swapped)      (polled)         (socket storage)
 *
 * These structures are turned into Go by bpf2go; nothing repeats their layout by hand.
 */
#ifndef PLUGINS_EBPFNET_PAYLOAD_H
#define PLUGINS_EBPFNET_PAYLOAD_H

#include "../../bpf/kernel.h"
#include "../../bpf/skb.h"

/* The local end of a connection. */
struct endpoint {
	__u64 cookie;	/* of the socket */
	__u64 cgroup;	/* id of the socket's cgroup v2, where it is wanted */
	__u8 local[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote[16];
	__u16 local_port; /* host order */
	__u16 remote_port;
	__u32 netns;   /* inode number */
	__u32 pid;     /* thread group, in the initial pid namespace; 0 unknown */
	char comm[16]; /* of its leader */
	__u32 pad;
};

enum kind {
	KIND_HTTP = 1, /* of a TCP connection that may be HTTP */
	KIND_DNS_UDP,
	KIND_DNS_TCP,
};

enum flag {
	FLAG_EGRESS = 1,   /* sent by the local end */
	FLAG_CLOSED = 2,   /* the connection is over; there is no payload */
	FLAG_ORPHAN = 4,   /* came together with the handshake: the socket was not there yet */
	FLAG_FINISHED = 8, /* this end sends no more; there is no payload */
};

/* One packet, or a part of one, as it lies in the ring; data follow. */
struct packet {
	__u64 time; /* CLOCK_MONOTONIC ns */
	struct endpoint end;
	__u32 seq;	/* TCP: sequence number of the first byte */
	__u32 len;	/* bytes of payload on the wire */
	__u16 captured; /* how many of them follow */
	__u8 kind;	/* enum kind */
	__u8 flags;	/* enum flag */
	__u32 pad;
};

/* Reserving takes constant sizes: of payload, as much as fits. */
#define TINY   128
#define SMALL  256
#define MEDIUM 1024
#define LARGE  4096

/* What is captured of a TCP connection. */
enum mode {
	MODE_NEW,   /* nothing is known yet */
	MODE_OFF,   /* nothing: out of scope, not HTTP */
	MODE_SEEK,  /* nothing until something looks like HTTP */
	MODE_HEADS, /* the beginning of each packet */
	MODE_ALL,   /* whole packets */
};

/* Of a TCP socket. */
struct tcp_socket {
	struct endpoint end;
	__u64 sk;      /* its address */
	__u32 tx_next; /* sequence numbers behind what was seen, per direction */
	__u32 rx_next;
	__u32 marks;   /* how many marks there were when we last looked */
	__u8 mode;     /* enum mode */
	__u8 kind;     /* enum kind */
	__u8 patience; /* packets without a head that are still borne */
	__u8 client;   /* which direction requests have: enum side */
	__u8 asked;    /* a request was seen and no response since */
	__u8 seen;     /* directions of which a packet was seen: bits enum side */
	__u8 closed;   /* directions that were closed: bits enum side */
	__u8 pad;
	__u16 single; /* length of the last request that was seen to be one: see hand_over_request
		       */
	__u16 pad2[3];
};

enum side {
	SIDE_UNKNOWN,
	SIDE_EGRESS,
	SIDE_INGRESS,
};

/* Of a UDP socket. */
struct udp_socket {
	__u64 sk;
	__u64 cookie;
	__u64 cgroup;
	__u32 netns;
	__u32 pid;
	char comm[16];
	__u8 ready;   /* what is fixed was filled in */
	__u8 ignored; /* out of scope */
	__u8 first;   /* the direction of its first packet, or of connect: enum side */
	__u8 pad[5];
};

struct flow_key {
	__u64 cookie;
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port; /* host order */
	__u16 remote_port;
	__u32 pad;
};

/* UDP between two addresses since the maps were swapped. */
struct flow {
	__u64 written; /* bytes of payload */
	__u64 read;
	__u64 sent; /* datagrams */
	__u64 received;
	__u64 cgroup;
	__u32 netns;
	__u32 pid;
	char comm[16];
	__u8 first; /* enum side */
	__u8 pad[7];
};

/* What happened. The accounts of the plugin are made of these. */
enum counter {
	COUNT_BYTES,	  /* what packets take in the ring, headers included */
	COUNT_LOST,	  /* packets that found it full … */
	COUNT_LOST_BYTES, /* … and would have taken that much */
	COUNT_SOCKETS,	  /* TCP connections that were looked at */
	COUNT_HTTP,	  /* of them with something that looks like HTTP */
	COUNT_OTHER,	  /* of them left because nothing did */
	COUNT_MARKED,	  /* modes changed by request of the reader */
	COUNT_NO_ROOM,	  /* UDP datagrams without room in the map of flows */
	COUNT_NO_STORAGE, /* packets whose socket took no storage */
	COUNT_UNREADABLE, /* packets whose headers or payload could not be read */
	COUNTERS,
};

#endif
