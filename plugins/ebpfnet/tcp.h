/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Payload counted exactly. No counter of the kernel is right by itself: bytes_acked counts SYN and
 * FIN and misses what is not acknowledged yet, bytes_received counts the FIN, and a disconnect
 * zeroes both. What is right is how far write_seq and copied_seq are from where payload began;
 * they are 32 bits wide, and the 64-bit counters tell how often they wrapped.
 */
#ifndef PLUGINS_EBPFNET_TCP_H
#define PLUGINS_EBPFNET_TCP_H

#include <bpf/bpf_endian.h>
#include "conn.h"
#include "../bpf/get.h"
#include "../bpf/scope.h"
#include "../bpf/address.h"

/* The sock in a tcp_sock. */
#define SK(field) inet_conn.icsk_inet.sk.field

const volatile bool include_loopback = false;
const volatile bool ipv6_disabled = false;
const volatile bool want_cgroup = false;

/* The counters of a tcp_sock, read once. */
struct raw {
	__u64 acked;
	__u64 received;
	__u32 write_seq;
	__u32 copied_seq;
	__u32 rcv_nxt;
	bool done; /* a FIN was received */
};

/* The 64-bit number nearest to ref that ends in the 32 bits low. */
static __always_inline __u64 near64(__u64 ref, __u32 low)
{
	return ref + (__s32)(low - (__u32)ref);
}

/* Has this end sent its FIN, which takes a sequence number? */
static __always_inline bool fin_sent(__u8 state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING ||
	       state == TCP_LAST_ACK;
}

/* Read from outside the lock, a FIN may be known already and not be counted yet. */
static __always_inline __u64 less_fin(__u64 n, bool fin)
{
	return fin && n ? n - 1 : n;
}

static __always_inline __u64 payload_written(const struct conn *c, const struct raw *r, __u8 state)
{
	return less_fin(near64(r->acked, r->write_seq - c->write_base), fin_sent(state));
}

static __always_inline __u64 payload_read(const struct conn *c, const struct raw *r)
{
	return less_fin(near64(r->received, r->copied_seq - c->read_base),
		r->done && r->copied_seq == r->rcv_nxt);
}

static __always_inline void read_raw(struct tcp_sock *tp, struct raw *r)
{
	r->acked = GET(tp, bytes_acked);
	r->received = GET(tp, bytes_received);
	r->write_seq = GET(tp, write_seq);
	r->copied_seq = GET(tp, copied_seq);
	r->rcv_nxt = GET(tp, rcv_nxt);
	r->done = GET(tp, SK(__sk_common.skc_flags)) >> SOCK_DONE & 1;
}

/*
 * Where payload begins; active is 1 when bytes_acked counts a SYN, as it does on the end that
 * connected. Right at any time, as long as both counters move together with their sequence.
 */
static __always_inline void read_bases(struct tcp_sock *tp, struct conn *c, __u32 active)
{
	c->write_base = GET(tp, snd_una) - (__u32)GET(tp, bytes_acked) + active;
	c->read_base = GET(tp, rcv_nxt) - (__u32)GET(tp, bytes_received);
}

/* Takes the counters as of now. */
static __always_inline void read_counters(struct tcp_sock *tp, struct conn *c, __u8 state)
{
	struct raw r;

	read_raw(tp, &r);
	c->written = payload_written(c, &r, state);
	c->read = payload_read(c, &r);
	c->raw_received = r.received;
	c->raw_write = r.write_seq;
	c->retransmits = GET(tp, total_retrans);
	c->rtt = GET(tp, srtt_us) >> 3;
	c->rtt_var = GET(tp, mdev_us) >> 2;
}

/* Takes them at the end; old is the state before CLOSE. */
static __always_inline void freeze(struct tcp_sock *tp, struct conn *c, __u8 old)
{
	read_counters(tp, c, old);
	barrier(); /* the scan may look at any time */
	c->state = TCP_CLOSE;
}

/* After CLOSE an application may still read what came before, unless a disconnect zeroed all. */
static __always_inline void read_on(struct tcp_sock *tp, struct conn *c)
{
	struct raw r;

	read_raw(tp, &r);
	if (r.received == c->raw_received && r.write_seq == c->raw_write)
		c->read = payload_read(c, &r);
}

#define read_in6(to, tp, field)                                                                    \
	({                                                                                         \
		for (int i = 0; i < 4; i++)                                                        \
			(to)[i] = GET(tp, SK(__sk_common.field.in6_u.u6_addr32[i]));               \
	})

/* Copies the tuple. Reports whether a connection with such addresses is observed at all. */
static __always_inline bool read_tuple(struct tcp_sock *tp, struct conn *c)
{
	__u32 *local = (__u32 *)c->local, *remote = (__u32 *)c->remote;

	if (GET(tp, SK(__sk_common.skc_family)) == AF_INET6) {
		read_in6(local, tp, skc_v6_rcv_saddr);
		read_in6(remote, tp, skc_v6_daddr);
		if (ipv6_disabled && !is_mapped_address(c->local))
			return false;
	} else {
		map_v4(c->local, GET(tp, SK(__sk_common.skc_rcv_saddr)));
		map_v4(c->remote, GET(tp, SK(__sk_common.skc_daddr)));
	}
	c->local_port = bpf_ntohs(GET(tp, inet_conn.icsk_inet.inet_sport));
	c->remote_port = bpf_ntohs(GET(tp, SK(__sk_common.skc_dport)));
	return include_loopback ||
	       !(is_loopback_address(c->local) || is_loopback_address(c->remote));
}

/* Takes a record out of the table. */
static __always_inline void forget(struct conn *c, __u64 key)
{
	bool open = c->flags & FLAG_OPEN;

	if (!bpf_map_delete_elem(&conns, &key) && open)
		count(COUNT_REMOVED);
}

#endif
