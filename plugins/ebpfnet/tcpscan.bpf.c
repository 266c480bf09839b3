//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * Iterators. They run when the plugin reads them: task_file and tcp once at the start, to find what
 * is open already, scan once per interval, to read what is still open. They read socks from outside
 * their locks, so whatever matters is read twice.
 */
#include "../bpf/kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "../bpf/file.h"
#include "conn.h"
#include "tcp.h"
#include "owner.h"

/*
 * Is it still the connection of the record, or has the sock been freed, closed or reused? An event
 * comes before the state it announces: the record may be one state ahead of the sock.
 */
static __always_inline bool still(struct sock *sk, const struct conn *c)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (!BPF_CORE_READ(sk, __sk_common.skc_refcnt.refs.counter))
		return false;
	if (!(c->flags & FLAG_OPEN))
		return true;
	if (state == TCP_CLOSE) /* where a disconnect clears the ports */
		return c->state == TCP_CLOSE;
	return bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport)) == c->local_port &&
	       bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)) == c->remote_port;
}

enum reading {
	CURRENT, /* as of now */
	OVER,	 /* the connection has ended */
	MOVED,	 /* it changed its state meanwhile: what was read does not fit together */
};

/* Reads the counters of a record. */
static __always_inline enum reading refresh(struct conn *c)
{
	struct sock *sk = (struct sock *)c->sk;
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u8 state;

	if (c->flags & FLAG_FINAL)
		return CURRENT;
	if (c->state == TCP_CLOSE) {
		read_on(tp, c);
	} else {
		state = BPF_CORE_READ(sk, __sk_common.skc_state);
		/* Unseen, its end still left the counters as they were; before it was our state. */
		read_counters(tp, c, state == TCP_CLOSE ? c->state : state);
		if (state != BPF_CORE_READ(sk, __sk_common.skc_state))
			return MOVED;
	}
	return still(sk, c) ? CURRENT : OVER;
}

/*
 * Has the record changed since it was copied? The writers set flags and state last, so that who
 * sees them first sees all that belongs to them; and a slot that is given to another connection
 * gets another start.
 */
static __always_inline bool changed(const volatile struct conn *r, const struct conn *c)
{
	return r->start != c->start || r->last != c->last || r->flags != c->flags ||
	       r->state != c->state;
}

static __always_inline bool copy_record(struct conn *c, const struct conn *from)
{
	const volatile struct conn *r = from;
	__u64 start = r->start;
	__u8 flags = r->flags, state = r->state;

	barrier();
	__builtin_memcpy(c, from, sizeof(*c));
	barrier();
	return c->start == start && c->flags == flags && c->state == state;
}

SEC("iter/bpf_map_elem")
int scan(struct bpf_iter__bpf_map_elem *ctx)
{
	struct conn *value = ctx->value, *now;
	enum reading reading;
	struct conn c;

	if (!ctx->key || !value)
		return 0;
	if (!copy_record(&c, value))
		goto recheck;
	reading = refresh(&c);
	barrier();
	if (reading == MOVED || changed(value, &c))
		goto recheck;
	if (reading == OVER) {
		/*
		 * The sock is not what the record says. Its events come before it changes, so the
		 * record has either just left the table or missed the end.
		 */
		now = bpf_map_lookup_elem(&conns, &c.sk);
		if (!now || changed(now, &c))
			goto recheck;
		count(COUNT_REPAIRED);
		if (c.state != TCP_CLOSE)
			c.flags |= FLAG_LOST;
		c.state = TCP_CLOSE;
		c.flags |= FLAG_FINAL;
	}
	if (c.flags & FLAG_OPEN && bpf_seq_write(ctx->meta->seq, &c, sizeof(c)))
		return 0; /* no room: the kernel will show this one again */
	if (!(c.flags & FLAG_FINAL))
		return 0;
	/*
	 * Delivered. Between the look and the deletion the sock could be taken into use again and
	 * enter its next connection; there is no compare-and-delete. That takes 20 ns, a full ring
	 * and bad luck, and shows in the ledger.
	 */
	now = bpf_map_lookup_elem(&conns, &c.sk);
	if (now && now->start == c.start)
		forget(&c, c.sk);
	return 0;
recheck:
	count(COUNT_RECHECKED);
	return 0;
}

/*
 * Did this end connect? Of an open connection bytes_acked tells: what was acknowledged and what is
 * in flight is what was sent, and the SYN on the end that connected. Two readings have to agree,
 * because an acknowledgement may come in between.
 */
static __always_inline __u64 read_syn(struct tcp_sock *tp, __u8 state)
{
	return BPF_CORE_READ(tp, bytes_acked) +
	       (BPF_CORE_READ(tp, snd_nxt) - BPF_CORE_READ(tp, snd_una)) -
	       (BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans)) - fin_sent(state);
}

static __always_inline __u8 infer_role(struct tcp_sock *tp, __u8 state, const struct listener *l)
{
	__u64 syn = read_syn(tp, state);

	if (syn == read_syn(tp, state) && syn <= 1)
		return syn ? ROLE_ACTIVE : ROLE_PASSIVE;
	return bpf_map_lookup_elem(&listeners, l) ? ROLE_PASSIVE : ROLE_UNKNOWN;
}

/* Enters a connection that was open before we came; a known one is left as it is. */
static __always_inline struct conn *found(struct sock *sk, __u64 key, __u8 state)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct conn *known = bpf_map_lookup_elem(&conns, &key);
	struct listener l = {};
	struct conn c = {};

	if (known)
		return known;
	c.netns = sock_netns(sk);
	if (!sock_in_scope(sk, c.netns) || !read_tuple((struct tcp_sock *)sk, &c))
		return NULL;
	l.netns = c.netns;
	l.port = c.local_port;
	c.sk = key;
	c.start = bpf_ktime_get_ns();
	c.cgroup = want_cgroup ? sock_cgroup_id(sk) : 0;
	c.state = state;
	c.flags = FLAG_OPEN | FLAG_FOUND;
	c.role = infer_role(tp, state, &l);
	read_bases(tp, &c, c.role == ROLE_ACTIVE);
	read_counters(tp, &c, state);
	c.base_written = c.written;
	c.base_read = c.read;
	c.base_retransmits = c.retransmits;
	if (!bpf_map_update_elem(&conns, &key, &c, BPF_NOEXIST))
		count(COUNT_FOUND);
	return bpf_map_lookup_elem(&conns, &key);
}

static __always_inline bool open_state(__u8 state)
{
	return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

SEC("iter/task_file")
int task_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct conn *c;
	struct sock *sk;
	__u32 pid;
	__u8 state;

	if (!task || !file)
		return 0;
	sk = tcp_of_file(file);
	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (!open_state(state))
		return 0;
	c = found(sk, (__u64)sk, state);
	pid = BPF_CORE_READ(task, tgid);
	if (!c || c->owner > OWNER_SCAN || pid == collector)
		return 0;
	if (c->owner == OWNER_UNKNOWN || pid < c->pid)
		set_owner(c, task, pid, OWNER_SCAN);
	return 0;
}

SEC("iter/tcp")
int tcp(struct bpf_iter__tcp *ctx)
{
	struct sock *sk = (struct sock *)ctx->sk_common;
	struct listener l = {};
	__u8 state, one = 1;

	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_LISTEN) { /* these come first */
		l.netns = sock_netns(sk);
		l.port = BPF_CORE_READ(sk, __sk_common.skc_num);
		bpf_map_update_elem(&listeners, &l, &one, BPF_ANY);
		return 0;
	}
	/* Not TIME_WAIT and SYN_RECV, which are no full socks. */
	if (!open_state(state))
		return 0;
	struct conn *c = found(sk, (__u64)sk, state);
	if (!c) {
		struct conn scratch;

		if (sock_in_scope(sk, sock_netns(sk)) &&
			read_tuple((struct tcp_sock *)sk, &scratch)) {
			count(COUNT_FOUND);
			count(COUNT_UNTRACKED);
		}
		return 0;
	}
	if (c->role == ROLE_UNKNOWN) {
		l.netns = c->netns;
		l.port = c->local_port;
		if (bpf_map_lookup_elem(&listeners, &l))
			c->role = ROLE_PASSIVE;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
