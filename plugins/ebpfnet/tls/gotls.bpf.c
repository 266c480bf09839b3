//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * crypto/tls of Go. Read is met where it copies plaintext out, which says all at once; where that
 * place is not known, when it is called and when it returns. A return probe would corrupt a stack
 * that the runtime moves, so the returns are probed as instructions. A goroutine changes threads
 * within a call: what belongs together is found by the g it runs on and how deep in its stack it
 * is.
 */
#include "emit.h"
#include "probe.h"
#include "thread.h"

/* runtime.g begins with runtime.stack, src/runtime/runtime2.go. */
struct stack {
	__u64 lo, hi;
};

struct goroutine {
	__u64 g;
	__u64 depth; /* of the call, from the top of the stack: stays when the stack is moved */
	__u32 pid;
	__u32 pad;
};

struct reading {
	__u64 object;
	__u64 buf; /* on_stack: its depth */
	__u64 on_stack;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768); /* as sessions: each may wait for data */
	__type(key, struct goroutine);
	__type(value, struct reading);
} readings SEC(".maps");

/* Reads len bytes of the process, or says no. */
#define USER(to, from) (!bpf_probe_read_user(&(to), sizeof(to), (void *)(from)))

/*
 * The socket below a *tls.Conn. Its first field is a net.Conn: two words, the second points to
 * a *net.TCPConn or to something that holds another net.Conn in its first field. A TCPConn points
 * to its netFD, which has the descriptor at 16: fdMutex before it is 16 bytes long. All of this has
 * been so since Go 1.9; that it ends at a TCP socket of this process shows that it still is.
 */
#define WRAPPED 3

static __always_inline struct sock *sock_of_conn(__u64 data)
{
	struct sock *sk;
	__u64 first, fd;

	for (int i = 0; i < WRAPPED; i++) {
		if (!data || !USER(first, data) || !first)
			return NULL;
		if (USER(fd, first + 16) && fd > 2 && fd < 1 << 30) {
			sk = sock_of_fd(fd);
			if (sk)
				return sk;
		}
		if (!USER(data, data + 8))
			return NULL;
	}
	return NULL;
}

/* Ties a *tls.Conn to its connection; again when the memory serves another. */
static __always_inline void bind_conn(struct session *s, const struct session_key *key)
{
	struct sock *sk;
	__u64 data = 0;

	if (!USER(data, key->object + 8) || s->transport == data)
		return;
	if (s->transport)
		renew(s, key);
	s->transport = data;
	sk = sock_of_conn(data);
	if (sk)
		bind(s, key, sk);
	else
		count(COUNT_NO_TRANSPORT);
}

static __always_inline bool wants(const struct session_key *key)
{
	struct session *s = session_of(key);

	return s ? !(s->flags & FLAG_BOUND) || !ignored(s, key) : process_in_scope();
}

static __always_inline struct session *session_of_conn(const struct session_key *key)
{
	struct session *s = enter_session(key);

	if (s) {
		bind_conn(s, key);
		return s;
	}
	count(COUNT_SEGMENTS);
	count(COUNT_NO_SESSION);
	return NULL;
}

/* Behind the check of the stack, which would begin the function anew. A failed Write ends all. */
SEC("uprobe/write")
int PROBE(go_write)
{
	struct session_key key = key_of(GO_ARG1(regs));
	__s64 len = GO_ARG3(regs);
	struct thread *t;
	struct session *s;

	if (len <= 0 || !wants(&key))
		return 0;
	s = session_of_conn(&key);
	if (!s)
		return 0;
	emit(s, &key, GO_ARG2(regs), len, SIDE_WRITE, bpf_ktime_get_ns());
	if (!(s->flags & FLAG_BOUND)) {
		t = enter_thread();
		if (t)
			await_send(t, key.object, len);
	}
	return 0;
}

/*
 * Read calls runtime.memmove(to, plaintext, len). Its receiver stands where the caller left room
 * for it: above the return address and the frame pointer that Read saved.
 */
SEC("uprobe/copy")
int PROBE(go_copy)
{
	struct session_key key;
	__s64 len = GO_ARG3(regs);
	struct session *s;
	__u64 object;

	if (len <= 0 || !USER(object, GO_FP(regs) + 16))
		return 0;
	key = key_of(object);
	s = wants(&key) ? session_of_conn(&key) : NULL;
	if (s)
		emit(s, &key, GO_ARG2(regs), len, SIDE_READ, bpf_ktime_get_ns());
	return 0;
}

SEC("uprobe/read")
int PROBE(go_read)
{
	struct session_key key = key_of(GO_ARG1(regs));
	struct goroutine at = {.g = GO_G(regs), .pid = key.pid};
	struct reading r = {.object = key.object, .buf = GO_ARG2(regs)};
	struct stack stack;

	if ((__s64)GO_ARG3(regs) <= 0 || !wants(&key) || !USER(stack, at.g))
		return 0;
	at.depth = stack.hi - REG_SP(regs);
	if (r.buf >= stack.lo && r.buf < stack.hi) {
		r.buf = stack.hi - r.buf;
		r.on_stack = 1;
	}
	if (!bpf_map_update_elem(&readings, &at, &r, BPF_NOEXIST))
		count(COUNT_READS);
	else
		bpf_map_update_elem(&readings, &at, &r, BPF_ANY);
	return 0;
}

SEC("uprobe/read_return")
int PROBE(go_read_return)
{
	struct goroutine at = {.g = GO_G(regs), .pid = task_id() >> 32};
	__s64 n = GO_ARG1(regs); /* results begin where arguments do */
	struct session_key key;
	struct reading *known, r;
	struct session *s;
	struct stack stack;

	if (!USER(stack, at.g))
		return 0;
	at.depth = stack.hi - REG_SP(regs);
	known = bpf_map_lookup_elem(&readings, &at);
	if (!known)
		return 0;
	r = *known;
	if (!bpf_map_delete_elem(&readings, &at))
		count(COUNT_READS_ENDED);
	if (n <= 0)
		return 0;
	key = key_of(r.object);
	s = session_of_conn(&key);
	if (s)
		emit(s, &key, r.on_stack ? stack.hi - r.buf : r.buf, n, SIDE_READ,
			bpf_ktime_get_ns());
	return 0;
}

SEC("uprobe/close")
int PROBE(go_close)
{
	struct session_key key = key_of(GO_ARG1(regs));

	end_session(&key);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
