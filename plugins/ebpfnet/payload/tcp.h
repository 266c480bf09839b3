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
#include "handover.h"
#include "preface.h"

/* Packets without a head until a connection is left: one that we saw from its beginning … */
#define PATIENCE_START 2
/* … and one that we did not, which may be in the middle of a body. */
#define PATIENCE_FOUND 128

#define DNS_PORT 53

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
	count(COUNT_SOCKETS);
	s->patience = PATIENCE_START;
	if (at_start((struct tcp_sock *)sock, &g))
		goto decided;
	s->patience = PATIENCE_FOUND;
	if (!dns && claim_preface(&s->end)) {
		mode = MODE_ALL;
		s->client = SIDE_INGRESS;
		count(COUNT_HTTP);
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
	__u8 side = side_of(g);
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
	count(COUNT_MARKED);
}

/*
 * FIN and RST. The connection is over with the second FIN. The end that closes first may never see
 * that: it waits as a small socket, of which no program is told. Hence both are handed over.
 */
static __always_inline void on_end(struct tcp_socket *s, const struct segment *g)
{
	struct piece p = {.seq = g->seq + g->len, .kind = s->kind, .flags = g->egress};
	__u8 both = SIDE_EGRESS | SIDE_INGRESS, side = side_of(g);

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
	if (is_head_enough(s, g)) {
		hand_over_head(skb, s, g);
		return;
	}
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
		count(COUNT_UNREADABLE);
		return;
	}
	if (!g.len && !(g.flags & (TCP_FLAG_FIN | TCP_FLAG_RST)))
		return;
	s = state_of(&tcp_sockets, sk, g.len ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!s) {
		if (g.len)
			count(COUNT_NO_STORAGE);
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
