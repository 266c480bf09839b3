/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP: the payload of connections that may be HTTP, or are DNS. Each socket has its state; one that
 * shows itself as something else leaves with one look at it per packet.
 *
 *   NEW ──► SEEK ──► HEADS ◄──► ALL
 *    │        │        │         │       pipelining, HTTP/2, and what the reader marks
 *    └────────┴────────┴─────────┴─► OFF
 */
#ifndef PLUGINS_EBPFNET_PAYLOAD_TCP_H
#define PLUGINS_EBPFNET_PAYLOAD_TCP_H

#include "maps.h"
#include "ring.h"
#include "head.h"
#include "preface.h"
#include "../../bpf/address.h"

/* Packets without a head until a connection is left: one that we saw from its beginning … */
#define PATIENCE_START 2
/* … and one that we did not, which may be in the middle of a body. */
#define PATIENCE_FOUND 128

#define DNS_PORT 53

/* One packet. */
struct segment {
	__u32 offset; /* of the payload, from the network header */
	__u32 len;    /* of the payload */
	__u32 seq;
	__u8 flags;
	bool egress;
};

static __always_inline bool read_tcp(
	struct __sk_buff *skb, const struct headers *h, bool egress, struct segment *g)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct tcphdr *tcp = data + h->transport;

	if ((void *)(tcp + 1) > end)
		return false;
	g->offset = h->transport + (tcp->doff >> 4) * 4;
	g->len = skb->len > g->offset ? skb->len - g->offset : 0;
	g->seq = bpf_ntohl(tcp->seq) + !!(tcp->flags & TCP_FLAG_SYN);
	g->flags = tcp->flags;
	g->egress = egress;
	return true;
}

static __always_inline bool read_tuple(
	struct __sk_buff *skb, const struct headers *h, bool egress, struct endpoint *e)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct tcphdr *tcp = data + h->transport;
	struct ipv6hdr *ip6 = data;
	struct iphdr *ip = data;

	if ((void *)(tcp + 1) > end)
		return false;
	e->local_port = bpf_ntohs(egress ? tcp->source : tcp->dest);
	e->remote_port = bpf_ntohs(egress ? tcp->dest : tcp->source);
	if (h->v6) {
		if ((void *)(ip6 + 1) > end)
			return false;
		copy_v6(e->local, egress ? ip6->saddr : ip6->daddr);
		copy_v6(e->remote, egress ? ip6->daddr : ip6->saddr);
	} else {
		if ((void *)(ip + 1) > end)
			return false;
		map_v4(e->local, egress ? ip->saddr : ip->daddr);
		map_v4(e->remote, egress ? ip->daddr : ip->saddr);
	}
	return true;
}

/* Is this the first payload of the connection? bytes_sent counts what is on its way here. */
static __always_inline bool at_start(struct tcp_sock *tp, const struct segment *g)
{
	return !BPF_CORE_READ(tp, bytes_received) &&
	       BPF_CORE_READ(tp, bytes_sent) <= (g->egress ? g->len : 0);
}

/*
 * Functions that are no static ones are verified by themselves, once, and called from programs.
 * What depends on how they were reached is read again.
 */

/*
 * Fills in what is fixed for a connection and decides whether it is looked at at all. The mode
 * comes last: until then packets on other CPUs, as a listener gets them, do the same.
 */
__noinline int prepare_tcp(struct __sk_buff *skb, int egress)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_socket *s;
	struct headers h;
	struct segment g;
	struct sock *sock;
	__u8 mode = MODE_OFF;
	bool dns;

	if (!sk)
		return 0;
	s = bpf_sk_storage_get(&tcp_sockets, sk, 0, 0);
	if (!s)
		return 0;
	/* Through memory, so that the verifier takes it for a number that may be read at. */
	s->sk = (__u64)sk;
	sock = *(struct sock *volatile *)&s->sk;
	s->end.netns = sock_netns(sock);
	if (!parse_headers(skb, &h) || !read_tcp(skb, &h, egress, &g) ||
		!read_tuple(skb, &h, egress, &s->end))
		goto decided;
	if (!sock_in_scope(sock, s->end.netns))
		goto decided;
	if (!include_loopback && sk->state != TCP_LISTEN &&
		(is_loopback_address(s->end.local) || is_loopback_address(s->end.remote)))
		goto decided;
	dns = s->end.local_port == DNS_PORT || s->end.remote_port == DNS_PORT;
	if (dns ? !want_dns : !want_http)
		goto decided;
	s->end.cookie = bpf_get_socket_cookie(skb);
	if (want_cgroup)
		s->end.cgroup = sock_cgroup_id(sock);
	s->kind = dns ? KIND_DNS_TCP : KIND_HTTP;
	mode = dns ? MODE_ALL : MODE_SEEK;
	count(COUNT_SOCKETS, 1);
	s->patience = PATIENCE_START;
	if (at_start((struct tcp_sock *)sock, &g))
		goto decided;
	s->patience = PATIENCE_FOUND;
	if (!dns && claim_preface(&s->end)) {
		mode = MODE_ALL;
		s->client = SIDE_INGRESS;
		count(COUNT_HTTP, 1);
	}
decided:
	barrier();
	s->mode = mode;
	return 0;
}

/*
 * Who sends: whoever holds the lock of the socket while a packet of it goes out. Softirqs send for
 * sockets that nobody holds only.
 */
static __always_inline void note_sender(struct tcp_socket *s)
{
	struct sock *sock = (struct sock *)s->sk;

	if (BPF_CORE_READ(sock, sk_lock.owned))
		note_owner(current_task(), &s->end.pid, s->end.comm);
}

/* Was all of it seen before? Sent again by us, or again by the peer. */
static __always_inline bool repeated(struct tcp_socket *s, const struct segment *g)
{
	__u8 side = g->egress ? SIDE_EGRESS : SIDE_INGRESS;
	__u32 *next = g->egress ? &s->tx_next : &s->rx_next;
	__u32 end = g->seq + g->len;

	if (s->seen & side && (__s32)(end - *next) <= 0) {
		struct tcp_sock *tp = (struct tcp_sock *)s->sk;

		/* What comes late may fill a hole. */
		return g->egress || (__s32)(end - BPF_CORE_READ(tp, rcv_nxt)) <= 0;
	}
	s->seen |= side;
	*next = end;
	return false;
}

/* Does the reader want another mode? */
static __always_inline void look_for_mark(struct tcp_socket *s)
{
	__u32 zero = 0, *n = bpf_map_lookup_elem(&marked, &zero);
	__u8 *mode;

	if (!n || *n == s->marks)
		return;
	s->marks = *n;
	mode = bpf_map_lookup_elem(&marks, &s->end.cookie);
	if (!mode)
		return;
	s->mode = *mode;
	bpf_map_delete_elem(&marks, &s->end.cookie);
	count(COUNT_MARKED, 1);
}

/* Returns an enum looks. */
__noinline int look_at(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	__u8 begin[HEAD] = {};
	long err;

	if (len >= HEAD)
		err = bpf_skb_load_bytes(skb, offset, begin, HEAD);
	else
		err = bpf_skb_load_bytes(skb, offset, begin, ((len - 1) & (HEAD - 1)) + 1);
	return err ? LOOKS_OTHER : look(begin, len);
}

/* Takes note of what a packet looks like; false when it is not wanted. */
static __always_inline bool follow(struct tcp_socket *s, const struct segment *g, enum looks *looks)
{
	__u8 side = g->egress ? SIDE_EGRESS : SIDE_INGRESS;

	/* What the other side sends is content, whatever it looks like. */
	if (*looks == LOOKS_REQUEST && s->client && s->client != side)
		*looks = LOOKS_OTHER;
	if (*looks == LOOKS_OTHER) {
		if (s->mode == MODE_SEEK && !--s->patience) {
			s->mode = MODE_OFF;
			count(COUNT_OTHER, 1);
		}
		return s->mode == MODE_HEADS || s->mode == MODE_ALL;
	}
	if (s->mode == MODE_SEEK) {
		s->mode = MODE_HEADS;
		count(COUNT_HTTP, 1);
	}
	switch (*looks) {
	case LOOKS_HTTP2:
		s->client = side;
		s->mode = MODE_ALL;
		break;
	case LOOKS_REQUEST:
		s->client = side;
		if (s->asked)
			s->mode = MODE_ALL;
		s->asked = true;
		break;
	case LOOKS_UPGRADE:
		s->mode = MODE_ALL;
		break;
	case LOOKS_PROXY:
		s->client = side;
		break;
	default:
		s->asked = false;
	}
	return true;
}

/* As long as a packet can be; what lies beyond is only counted. */
#define CHUNKS (65536 / LARGE)

/* Captures a part of a packet, up to the largest size. */
__noinline int capture_part(struct __sk_buff *skb, __u32 offset, __u32 len, __u32 seq, __u32 flags)
{
	struct bpf_sock *sk = skb->sk;
	struct piece p = {.offset = offset, .len = len, .seq = seq, .flags = flags};
	struct tcp_socket *s;

	if (!sk || !len)
		return 0;
	s = bpf_sk_storage_get(&tcp_sockets, sk, 0, 0);
	if (!s)
		return 0;
	p.kind = s->kind;
	capture(skb, &s->end, &p);
	return 0;
}

/* Captures a part of a packet whole. */
__noinline int capture_whole(struct __sk_buff *skb, __u32 offset, __u32 len, __u32 seq, __u32 flags)
{
	for (int i = 0; i < CHUNKS && len > LARGE; i++) {
		capture_part(skb, offset, LARGE, seq, flags);
		offset += LARGE;
		seq += LARGE;
		len -= LARGE;
	}
	capture_part(skb, offset, len, seq, flags);
	return 0;
}

/* Captures a request, up to the middle size, and scans it. Returns an enum scan. */
__noinline int capture_request(
	struct __sk_buff *skb, __u32 offset, __u32 len, __u32 seq, __u32 flags)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_socket *s;
	struct piece p = {.offset = offset, .len = len, .seq = seq, .flags = flags};
	int more = SCAN_ONE;

	if (!sk || !len || len > MEDIUM)
		return more;
	s = bpf_sk_storage_get(&tcp_sockets, sk, 0, 0);
	if (!s)
		return more;
	p.kind = s->kind;
	if (len <= SMALL) {
		struct small *r = RESERVE(struct small);

		if (!r) {
			lose(sizeof(*r));
			return more;
		}
		describe(&r->head, &s->end, &p, len);
		if (!LOAD(skb, &p, r->data, len))
			more = scan(r->data, sizeof(r->data), len);
		submit(r, sizeof(*r));
	} else {
		struct medium *r = RESERVE(struct medium);

		if (!r) {
			lose(sizeof(*r));
			return more;
		}
		describe(&r->head, &s->end, &p, len);
		if (!LOAD(skb, &p, r->data, len))
			more = scan(r->data, sizeof(r->data), len);
		submit(r, sizeof(*r));
	}
	return more;
}

/*
 * A request: the rest of a large one as well if it holds another, or may. Clients that ask again
 * and again send requests of few lengths; one as long as the last that was single is not scanned.
 * Should it be two after all, the reader sees that and asks for whole packets.
 */
static __always_inline void hand_over_request(
	struct __sk_buff *skb, struct tcp_socket *s, struct piece *p)
{
	__u32 first = least(p->len, MEDIUM);
	int more;

	if (p->len == s->single) {
		capture(skb, &s->end, p);
		return;
	}
	more = capture_request(skb, p->offset, first, p->seq, p->flags);
	if (more == SCAN_MORE)
		s->mode = MODE_ALL;
	if (p->len == first) {
		s->single = more == SCAN_ONE ? first : 0;
		return;
	}
	p->offset += first;
	p->seq += first;
	p->len -= first;
	if (more == SCAN_ONE)
		mention(&s->end, p);
	else
		capture_whole(skb, p->offset, p->len, p->seq, p->flags);
}

static __always_inline void hand_over(
	struct __sk_buff *skb, struct tcp_socket *s, const struct segment *g, enum looks looks)
{
	struct piece p = {.offset = g->offset,
		.len = g->len,
		.seq = g->seq,
		.kind = s->kind,
		.flags = g->egress};

	if (s->mode == MODE_ALL)
		capture_whole(skb, p.offset, p.len, p.seq, p.flags);
	else if (looks == LOOKS_REQUEST || looks == LOOKS_PROXY)
		hand_over_request(skb, s, &p);
	else
		CAPTURE(struct small, skb, &s->end, &p);
}

/*
 * FIN and RST. The connection is over with the second FIN. The end that closes first may never see
 * that: it waits as a small socket, of which no program is told. Hence both are handed over.
 */
static __always_inline void on_end(struct tcp_socket *s, const struct segment *g)
{
	struct piece p = {.seq = g->seq + g->len, .kind = s->kind, .flags = g->egress};
	__u8 both = SIDE_EGRESS | SIDE_INGRESS, side = g->egress ? SIDE_EGRESS : SIDE_INGRESS;

	if (g->flags & TCP_FLAG_RST)
		side = both;
	if ((s->closed & side) == side || s->mode == MODE_SEEK)
		return;
	s->closed |= side;
	p.flags |= s->closed == both ? FLAG_CLOSED : FLAG_FINISHED;
	mention(&s->end, &p);
}

/* Payload that completes a handshake comes to the listener: deferred accept, Fast Open, loss. */
__noinline int on_listener(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct piece p = {.flags = FLAG_ORPHAN};
	struct endpoint e = {};
	struct tcp_socket *s;
	enum looks looks;
	struct headers h;
	struct segment g;

	if (!sk)
		return 0;
	s = bpf_sk_storage_get(&tcp_sockets, sk, 0, 0);
	if (!s || !parse_headers(skb, &h) || !read_tcp(skb, &h, false, &g) ||
		!read_tuple(skb, &h, false, &e) || !g.len)
		return 0;
	if (!include_loopback && (is_loopback_address(e.local) || is_loopback_address(e.remote)))
		return 0;
	e.netns = s->end.netns;
	looks = look_at(skb, g.offset, g.len);
	if (s->kind == KIND_HTTP && looks == LOOKS_OTHER)
		return 0;
	if (s->kind == KIND_HTTP && looks == LOOKS_HTTP2)
		note_preface(&e);
	e.cgroup = s->end.cgroup;
	p.offset = g.offset;
	p.len = g.len;
	p.seq = g.seq;
	p.kind = s->kind;
	capture(skb, &e, &p);
	return 0;
}

static __always_inline void on_segment(
	struct __sk_buff *skb, struct tcp_socket *s, const struct segment *g)
{
	enum looks looks = LOOKS_OTHER;

	if (g->egress && !s->end.pid)
		note_sender(s);
	if (s->mode != MODE_SEEK)
		look_for_mark(s);
	if (s->mode == MODE_OFF || repeated(s, g))
		return;
	if (s->kind == KIND_HTTP) {
		looks = look_at(skb, g->offset, g->len);
		if (!follow(s, g, &looks))
			return;
	}
	hand_over(skb, s, g, looks);
}

static __always_inline void on_tcp(struct __sk_buff *skb, const struct headers *h, bool egress)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_socket *s;
	struct segment g;

	if (!sk)
		return;
	if (!read_tcp(skb, h, egress, &g)) {
		count(COUNT_UNREADABLE, 1);
		return;
	}
	if (!g.len && !(g.flags & (TCP_FLAG_FIN | TCP_FLAG_RST)))
		return;
	s = bpf_sk_storage_get(&tcp_sockets, sk, 0, g.len ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!s) {
		if (g.len)
			count(COUNT_NO_STORAGE, 1);
		return;
	}
	if (s->mode == MODE_OFF)
		return;
	if (s->mode == MODE_NEW)
		prepare_tcp(skb, egress);
	if (s->mode == MODE_OFF)
		return;
	if (sk->state == TCP_LISTEN) {
		on_listener(skb);
		return;
	}
	if (g.len)
		on_segment(skb, s, &g);
	if (g.flags & (TCP_FLAG_FIN | TCP_FLAG_RST) && s->mode != MODE_OFF)
		on_end(s, &g);
}

#endif
