//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * Which connection a session of a C library uses: the socket that its thread works on inside the
 * call. No layout of any library is needed for that.
 *
 * Both programs run for every packet and every read of the machine, and leave at once for threads
 * that do no TLS.
 */
#include "thread.h"
#include "../../bpf/preempt.h"
#include <bpf/bpf_tracing.h>

/* The current task holds the lock of the socket: what happens to it, it does. */
static __always_inline bool held(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_lock.owned);
}

static __always_inline void use(__u64 object, struct sock *sk)
{
	struct session_key key = key_of(object);
	struct session *s = enter_session(&key);

	if (s)
		bind(s, &key, sk);
}

static __always_inline void use_in_call(struct thread *t, struct sock *sk)
{
	if (!t->outer.sp)
		return;
	use(t->outer.object, sk);
	if (t->inner.sp)
		use(t->inner.object, sk);
}

static __always_inline void use_if_held(struct sock *sk)
{
	struct thread *t;

	if (!marked(bpf_get_current_pid_tgid()))
		return;
	t = current_thread();
	if (t && t->outer.sp && held(sk))
		use_in_call(t, sk);
}

/* A thread has read from a TCP socket. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tcp_rcv_space_adjust, struct sock *sk)
{
	keep_cpu();
	use_if_held(sk);
	release_cpu();
	return 0;
}

/* The beginning of struct __sk_buff of include/uapi/linux/bpf.h. */
struct packet {
	__u32 len, pkt_type, mark, queue_mapping, protocol, vlan[3], priority, ifindex[2], tc_index,
		cb[5], hash, tc_classid;
	__u32 data, data_end, napi_id, family, addresses[10], ports[2];
	__u32 data_meta;
	__u64 flow_keys, tstamp;
	__u32 wire_len, gso_segs;
	struct bpf_sock *sk;
};

_Static_assert(__builtin_offsetof(struct packet, sk) == 168, "layout of struct __sk_buff");

/* RFC 8446 5.1, RFC 5246 6.2.1 */
#define RECORD_OLDEST 20 /* change_cipher_spec */
#define RECORD_DATA   23 /* application_data */
#define MAX_FRAGMENT  16384
#define EXPANSION     320 /* nonce, MAC, padding and the inner type; 256 in TLS 1.3 */

struct tls_record {
	__u8 type, major, minor, high, low;
};

/* The TLS record that the payload of a packet begins with. */
static __always_inline bool read_record(struct packet *skb, struct tls_record *r)
{
	__u32 at;
	__u8 b;

	if (bpf_skb_load_bytes(skb, 0, &b, 1))
		return false;
	if (b >> 4 == 4) {
		at = (b & 15) * 4;
	} else {
		if (bpf_skb_load_bytes(skb, 6, &b, 1) || b != IPPROTO_TCP)
			return false;
		at = 40;
	}
	if (bpf_skb_load_bytes(skb, at + 12, &b, 1))
		return false;
	at += (b >> 4) * 4;
	if (bpf_skb_load_bytes(skb, at, r, sizeof(*r)))
		return false;
	return r->type >= RECORD_OLDEST && r->type <= RECORD_DATA && r->major == 3 && r->minor <= 4;
}

/* Can the record hold the beginning of len bytes? Go makes small records first. */
static __always_inline bool fits(const struct tls_record *r, __u32 len)
{
	__u32 size = r->high << 8 | r->low;
	__u32 least = len < 512 ? len : 512, most = len < MAX_FRAGMENT ? len : MAX_FRAGMENT;

	return r->type == RECORD_DATA && size >= least && size <= most + EXPANSION;
}

/* A thread sends. */
SEC("cgroup_skb/egress")
int egress(struct packet *skb)
{
	struct tls_record record;
	struct bpf_sock *bs;
	struct thread *t;
	struct sock *sk;

	if (!marked(thread_id()))
		return 1;
	t = current_thread();
	if (!t || !(t->outer.sp || t->pending.object))
		return 1;
	bs = skb->sk;
	if (!bs)
		return 1;
	sk = (struct sock *)bpf_skc_to_tcp_sock(bs);
	if (!sk || !held(sk) || !read_record(skb, &record))
		return 1;
	if (t->outer.sp) {
		use_in_call(t, sk);
	} else if (fits(&record, t->pending.len)) {
		use(t->pending.object, sk);
		t->pending.object = 0;
	}
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
