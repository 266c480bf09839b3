/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP: payload and datagrams by socket and pair of addresses. Fragments and GSO segments pass here
 * as one packet; a send that is refused does not pass.
 */
#ifndef PLUGINS_EBPFNET_PAYLOAD_UDP_H
#define PLUGINS_EBPFNET_PAYLOAD_UDP_H

#include "maps.h"
#include "ring.h"
#include "../../bpf/address.h"

/* Fills in what is fixed for a socket. */
static __always_inline void prepare_udp(
	struct __sk_buff *skb, struct bpf_sock *sk, struct udp_socket *s)
{
	struct sock *sock;

	/* Through memory, so that the verifier takes it for a number that may be read at. */
	s->sk = (__u64)sk;
	sock = *(struct sock *volatile *)&s->sk;
	s->cookie = bpf_get_socket_cookie(skb);
	s->netns = sock_netns(sock);
	if (want_cgroup)
		s->cgroup = sock_cgroup_id(sock);
	s->ignored = !sock_in_scope(sock, s->netns);
	s->ready = true;
}

/* Takes the owner that was found when we came. Sockets made since then have theirs. */
static __always_inline void adopt(struct udp_socket *s)
{
	struct sock *sock = (struct sock *)s->sk;
	struct found *f = bpf_map_lookup_elem(&udp_found, &s->sk);

	if (!f || f->netns != s->netns || f->port != BPF_CORE_READ(sock, __sk_common.skc_num))
		return;
	s->pid = f->pid;
	__builtin_memcpy(s->comm, f->comm, sizeof(s->comm));
}

/* Takes the addresses from the packet: a socket may have many peers. */
static __always_inline bool read_udp(
	struct __sk_buff *skb, const struct headers *h, bool egress, struct flow_key *k)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip6 = data;
	struct iphdr *ip = data;
	struct udphdr *udp = data + h->transport;

	if ((void *)(udp + 1) > end)
		return false;
	k->local_port = bpf_ntohs(egress ? udp->source : udp->dest);
	k->remote_port = bpf_ntohs(egress ? udp->dest : udp->source);
	if (h->v6) {
		if ((void *)(ip6 + 1) > end)
			return false;
		copy_v6(k->local, egress ? ip6->saddr : ip6->daddr);
		copy_v6(k->remote, egress ? ip6->daddr : ip6->saddr);
	} else {
		if ((void *)(ip + 1) > end)
			return false;
		map_v4(k->local, egress ? ip->saddr : ip->daddr);
		map_v4(k->remote, egress ? ip->daddr : ip->saddr);
	}
	return true;
}

static __always_inline void add_flow(const struct udp_socket *s, const struct flow_key *k,
	bool egress, __u64 bytes, __u64 datagrams)
{
	__u32 zero = 0;
	void *map = bpf_map_lookup_elem(&flows, &zero);
	struct flow *f;

	if (!map)
		return;
	f = bpf_map_lookup_elem(map, k);
	if (!f) {
		struct flow new = {.cgroup = s->cgroup, .netns = s->netns, .first = s->first};

		bpf_map_update_elem(map, k, &new, BPF_NOEXIST); /* or another CPU did */
		f = bpf_map_lookup_elem(map, k);
		if (!f) {
			count_by(COUNT_NO_ROOM, datagrams);
			return;
		}
	}
	if (f->pid != s->pid) {
		f->pid = s->pid;
		__builtin_memcpy(f->comm, s->comm, sizeof(f->comm));
	}
	if (egress) {
		__sync_fetch_and_add(&f->written, bytes);
		__sync_fetch_and_add(&f->sent, datagrams);
	} else {
		__sync_fetch_and_add(&f->read, bytes);
		__sync_fetch_and_add(&f->received, datagrams);
	}
}

/* A function by itself: its endpoint would not fit on the stack beside all else. */
__noinline int hand_over_dns(struct __sk_buff *skb, int egress)
{
	struct bpf_sock *sk = skb->sk;
	struct piece p = {.kind = KIND_DNS_UDP, .flags = egress};
	struct endpoint e = {};
	struct flow_key k = {};
	struct udp_socket *s;
	struct headers h;

	if (!sk)
		return 0;
	s = bpf_sk_storage_get(&udp_sockets, sk, 0, 0);
	if (!s || !parse_headers(skb, &h) || !read_udp(skb, &h, egress, &k))
		return 0;
	p.offset = h.transport + sizeof(struct udphdr);
	if (skb->len <= p.offset)
		return 0;
	p.len = skb->len - p.offset;
	e.cookie = s->cookie;
	e.cgroup = s->cgroup;
	e.local_port = k.local_port;
	e.remote_port = k.remote_port;
	e.netns = s->netns;
	e.pid = s->pid;
	__builtin_memcpy(e.local, k.local, sizeof(e.local));
	__builtin_memcpy(e.remote, k.remote, sizeof(e.remote));
	__builtin_memcpy(e.comm, s->comm, sizeof(e.comm));
	capture(skb, &e, &p);
	return 0;
}

static __always_inline void on_udp(struct __sk_buff *skb, const struct headers *h, bool egress)
{
	struct bpf_sock *sk = skb->sk;
	struct flow_key k = {};
	struct udp_socket *s;
	__u32 offset = h->transport + sizeof(struct udphdr);
	__u32 segments = skb->gso_segs;

	if (!sk || skb->len < offset)
		return;
	s = state_of(&udp_sockets, sk, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s) {
		count(COUNT_NO_STORAGE);
		return;
	}
	if (!s->ready)
		prepare_udp(skb, sk, s);
	if (s->ignored)
		return;
	if (!s->pid)
		adopt(s);
	if (!read_udp(skb, h, egress, &k)) {
		count(COUNT_UNREADABLE);
		return;
	}
	if (!include_loopback && (is_loopback_address(k.local) || is_loopback_address(k.remote)))
		return;
	k.cookie = s->cookie;
	if (!s->first)
		s->first = egress ? SIDE_EGRESS : SIDE_INGRESS;
	if (want_udp)
		add_flow(s, &k, egress, skb->len - offset, segments ? segments : 1);
	if (want_dns && (k.local_port == 53 || k.remote_port == 53))
		hand_over_dns(skb, egress);
}

#endif
