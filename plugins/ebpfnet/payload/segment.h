/* SPDX-License-Identifier: GPL-2.0 */
/* What the headers of a TCP packet say. */
#ifndef PLUGINS_EBPFNET_PAYLOAD_SEGMENT_H
#define PLUGINS_EBPFNET_PAYLOAD_SEGMENT_H

#include "payload.h"
#include "../../bpf/address.h"

/* One packet. */
struct segment {
	__u32 offset; /* of the payload, from the network header */
	__u32 len;    /* of the payload */
	__u32 seq;
	__u8 flags;
	bool egress;
};

static __always_inline enum side side_of(const struct segment *g)
{
	return g->egress ? SIDE_EGRESS : SIDE_INGRESS;
}

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

#endif
