//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * Every packet that a socket of the machine sends or receives passes here, once, in the namespace
 * of the socket, whatever system call it comes from: UDP for its flows, DNS and what may be HTTP
 * for their payload. What is not wanted has to leave early.
 */
#include "../../bpf/kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "payload.h"
#include "udp.h"
#include "tcp.h"

static __always_inline void on_packet(struct __sk_buff *skb, bool egress)
{
	struct headers h;

	if (!parse_headers(skb, &h)) {
		count(COUNT_UNREADABLE);
		return;
	}
	if (ipv6_disabled && h.v6)
		return;
	if (h.protocol == IPPROTO_TCP) {
		if (want_http || want_dns)
			on_tcp(skb, &h, egress);
	} else if (h.protocol == IPPROTO_UDP) {
		if (want_udp || want_dns)
			on_udp(skb, &h, egress);
	}
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	on_packet(skb, false);
	return 1;
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	on_packet(skb, true);
	return 1;
}

/* Mentioned, so that these reach the type information, of which bpf2go makes Go types. */
const enum counter *const unused_counter = NULL;
const enum kind *const unused_kind = NULL;
const enum flag *const unused_flag = NULL;
const enum mode *const unused_mode = NULL;
const enum side *const unused_side = NULL;
const struct packet *const unused_packet = NULL;
const struct flow_key *const unused_flow_key = NULL;
const struct flow *const unused_flow = NULL;

char LICENSE[] SEC("license") = "GPL";
