/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets as programs of cgroups see them: from the network header on, with the socket they belong
 * to, in the namespace of that socket. Layouts of the user API and of the wire: nothing here is
 * relocated.
 */
#ifndef PLUGINS_BPF_SKB_H
#define PLUGINS_BPF_SKB_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define BPF_MAP_TYPE_LRU_HASH	    9
#define BPF_MAP_TYPE_ARRAY_OF_MAPS  12
#define BPF_MAP_TYPE_SK_STORAGE	    24
#define BPF_F_NO_PREALLOC	    1
#define BPF_SK_STORAGE_GET_F_CREATE 1

#define SOCK_DGRAM  2
#define IPPROTO_UDP 17

/* include/uapi/linux/bpf.h */
struct bpf_sock {
	__u32 bound_dev_if;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 mark;
	__u32 priority;
	__u32 src_ip4;
	__u32 src_ip6[4];
	__u32 src_port;
	__be16 dst_port;
	__u16 : 16;
	__u32 dst_ip4;
	__u32 dst_ip6[4];
	__u32 state;
	__s32 rx_queue_mapping;
};

struct __sk_buff {
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol;
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
	__u32 hash;
	__u32 tc_classid;
	__u32 data;
	__u32 data_end;
	__u32 napi_id;
	__u32 family;
	__u32 remote_ip4;
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port;
	__u32 data_meta;
	__u64 : 64; /* flow_keys */
	__u64 tstamp;
	__u32 wire_len;
	__u32 gso_segs;
	union {
		struct bpf_sock *sk;
		__u64 : 64;
	} __attribute__((aligned(8)));
	__u32 gso_size;
};

/* RFC 791 */
struct iphdr {
	__u8 version_ihl;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__sum16 check;
	__be32 saddr;
	__be32 daddr;
};

/* RFC 8200 */
struct ipv6hdr {
	__be32 flow;
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	__be32 saddr[4];
	__be32 daddr[4];
};

/* RFC 9293 */
struct tcphdr {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack_seq;
	__u8 doff; /* in the upper four bits, 32-bit words */
	__u8 flags;
	__be16 window;
	__sum16 check;
	__be16 urg_ptr;
};

#define TCP_FLAG_FIN 1
#define TCP_FLAG_SYN 2
#define TCP_FLAG_RST 4

/* RFC 768 */
struct udphdr {
	__be16 source;
	__be16 dest;
	__be16 len;
	__sum16 check;
};

/* Where the transport header of a packet is, and of which protocol. */
struct headers {
	__u32 transport; /* from the network header */
	__u8 protocol;
	bool v6;
};

/* As many extension headers are followed as anything sane has. */
#define IPV6_EXTENSIONS 4

static __always_inline bool is_extension(__u8 next)
{
	return next == 0 || next == 43 || next == 60; /* hop by hop, routing, destination */
}

#define UNPARSED 0

/*
 * Verified by itself, so that the ways through it are not multiplied by those of its callers; hence
 * the result in one number: transport | protocol << 16 | v6 << 24.
 */
__noinline int parse(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip6 = data;
	struct iphdr *ip = data;
	__u8 extension[2]; /* next header, length in 8 bytes beyond the first 8 */
	__u32 transport = sizeof(*ip6);
	__u8 protocol;

	if ((void *)(ip + 1) > end)
		return UNPARSED;
	if (ip->version_ihl >> 4 == 4)
		return ip->frag_off & bpf_htons(0x1fff)
			       ? UNPARSED
			       : (ip->version_ihl & 15) * 4 | ip->protocol << 16;
	if ((void *)(ip6 + 1) > end)
		return UNPARSED;
	protocol = ip6->nexthdr;
	for (int i = 0; i < IPV6_EXTENSIONS && is_extension(protocol); i++) {
		if (bpf_skb_load_bytes(skb, transport, extension, sizeof(extension)))
			return UNPARSED;
		protocol = extension[0];
		transport += ((__u32)extension[1] + 1) * 8;
	}
	return transport | protocol << 16 | 1 << 24;
}

/* The longest chain of headers that is looked behind. */
#define HEADERS_MASK 0x1fff

static __always_inline bool parse_headers(struct __sk_buff *skb, struct headers *h)
{
	__u32 parsed = parse(skb);

	h->transport = parsed & HEADERS_MASK;
	h->protocol = parsed >> 16;
	h->v6 = parsed >> 24;
	return parsed != UNPARSED;
}

#endif
