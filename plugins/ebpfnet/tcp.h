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
#include "../bpf/scope.h"

const volatile bool include_loopback = false;
const volatile bool ipv6_disabled = false;

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

static __always_inline __u64 payload_written(const struct conn *c, const struct raw *r, __u8 state)
{
	return near64(r->acked, r->write_seq - c->write_base) - fin_sent(state);
}

static __always_inline __u64 payload_read(const struct conn *c, const struct raw *r)
{
	return near64(r->received, r->copied_seq - c->read_base) -
	       (r->done && r->copied_seq == r->rcv_nxt);
}

/* Reads of a sock that the verifier knows nothing about: 12 to 15 ns each. */
static __always_inline void read_raw(struct tcp_sock *tp, struct raw *r)
{
	r->acked = BPF_CORE_READ(tp, bytes_acked);
	r->received = BPF_CORE_READ(tp, bytes_received);
	r->write_seq = BPF_CORE_READ(tp, write_seq);
	r->copied_seq = BPF_CORE_READ(tp, copied_seq);
	r->rcv_nxt = BPF_CORE_READ(tp, rcv_nxt);
	r->done = BPF_CORE_READ((struct sock *)tp, __sk_common.skc_flags) >> SOCK_DONE & 1;
}

/*
 * Where payload begins; active is 1 when bytes_acked counts a SYN, as it does on the end that
 * connected. Right at any time, as long as both counters move together with their sequence.
 */
static __always_inline void read_bases(struct tcp_sock *tp, struct conn *c, __u32 active)
{
	c->write_base = BPF_CORE_READ(tp, snd_una) - (__u32)BPF_CORE_READ(tp, bytes_acked) + active;
	c->read_base = BPF_CORE_READ(tp, rcv_nxt) - (__u32)BPF_CORE_READ(tp, bytes_received);
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
	c->retransmits = BPF_CORE_READ(tp, total_retrans);
	c->rtt = BPF_CORE_READ(tp, srtt_us) >> 3;
	c->rtt_var = BPF_CORE_READ(tp, mdev_us) >> 2;
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

static __always_inline bool is_mapped(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_loopback(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	if (is_mapped(a))
		return a[12] == 127;
	return !w[0] && !w[1] && !w[2] && w[3] == bpf_htonl(1);
}

/* Copies the tuple. Reports whether a connection with such addresses is observed at all. */
static __always_inline bool read_tuple(struct sock *sk, struct conn *c)
{
	__u32 *local = (__u32 *)c->local, *remote = (__u32 *)c->remote;

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&c->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&c->remote, sk, __sk_common.skc_v6_daddr);
		if (ipv6_disabled && !is_mapped(c->local))
			return false;
	} else {
		local[0] = local[1] = remote[0] = remote[1] = 0;
		local[2] = remote[2] = bpf_htonl(0xffff);
		local[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		remote[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	}
	c->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	c->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	return include_loopback || !(is_loopback(c->local) || is_loopback(c->remote));
}

/* Takes a record out of the table. */
static __always_inline void forget(struct conn *c, __u64 key)
{
	bool open = c->flags & FLAG_OPEN;

	if (!bpf_map_delete_elem(&conns, &key) && open)
		count(COUNT_REMOVED);
}

#endif
