//go:build ignore

// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of C libraries that take and give plaintext: OpenSSL, BoringSSL, GnuTLS. What was
 * really read or written only the return tells, so each call is met twice.
 */
#include "emit.h"
#include "probe.h"
#include "thread.h"

/* A call begins. */
static __always_inline int enter(
	struct pt_regs *regs, __u64 object, __u64 buf, __u64 size, enum side side)
{
	struct session_key key = key_of(object);
	struct session *s = session_of(&key);
	__u64 sp = REG_SP(regs);
	struct thread *t;
	struct frame *f;

	if (s ? ignored(s, &key) : !process_in_scope())
		return 0;
	t = enter_thread();
	if (!t)
		return 0;
	f = &t->outer;
	if (f->sp > sp) {
		if (f->object == object && f->buf == buf)
			return 0; /* one function of the library in terms of another */
		f = &t->inner;
	} else {
		t->inner.sp = 0;
	}
	f->object = object;
	f->buf = buf;
	f->size = size;
	f->side = side;
	f->time = bpf_ktime_get_ns();
	f->sp = sp;
	return 0;
}

static __always_inline void done(struct thread *t, const struct frame *f, __u32 len)
{
	struct session_key key = key_of(f->object);
	struct session *s = enter_session(&key);
	__u64 time = f->side == SIDE_WRITE ? f->time : bpf_ktime_get_ns();
	struct sock *sk;

	if (!s) {
		count(COUNT_SEGMENTS);
		count(COUNT_NO_SESSION);
		return;
	}
	if (!(s->flags & FLAG_BOUND) && s->flags & FLAG_FD) {
		sk = sock_of_fd(s->fd);
		if (sk)
			bind(s, &key, sk);
	}
	emit(s, &key, f->buf, len, f->side, time);
	if (f->side == SIDE_WRITE && !(s->flags & FLAG_BOUND))
		await_send(t, f->object, len);
}

/* Where the call that returns stands, taken off the thread; false: it was not met at entry. */
static __always_inline bool leave(struct thread *t, __u64 sp, struct frame *f)
{
	if (t->inner.sp == sp) {
		*f = t->inner;
		t->inner.sp = 0;
		return true;
	}
	if (t->outer.sp == sp) {
		*f = t->outer;
		t->outer.sp = t->inner.sp = 0;
		return true;
	}
	return false;
}

SEC("uprobe/SSL_read")
int PROBE(ssl_read)
{
	return enter(regs, REG_ARG1(regs), REG_ARG2(regs), 0, SIDE_READ);
}

SEC("uprobe/SSL_read_ex")
int PROBE(ssl_read_ex)
{
	return enter(regs, REG_ARG1(regs), REG_ARG2(regs), REG_ARG4(regs), SIDE_READ);
}

SEC("uprobe/SSL_write")
int PROBE(ssl_write)
{
	return enter(regs, REG_ARG1(regs), REG_ARG2(regs), 0, SIDE_WRITE);
}

SEC("uprobe/SSL_write_ex")
int PROBE(ssl_write_ex)
{
	return enter(regs, REG_ARG1(regs), REG_ARG2(regs), REG_ARG4(regs), SIDE_WRITE);
}

SEC("uprobe/SSL_write_ex2")
int PROBE(ssl_write_ex2)
{
	return enter(regs, REG_ARG1(regs), REG_ARG2(regs), REG_ARG5(regs), SIDE_WRITE);
}

/* The kernel encrypts: what is in the file, nobody reads. */
SEC("uprobe/SSL_sendfile")
int PROBE(ssl_sendfile)
{
	return enter(regs, REG_ARG1(regs), 0, 0, SIDE_WRITE);
}

/* Of SSL_read, SSL_write: an int. */
SEC("uretprobe/SSL_read")
int PROBE(ssl_return)
{
	struct thread *t = current_thread();
	__s64 n = (__s32)REG_RESULT(regs);
	struct frame f;
	__u64 size = 0;

	if (!t || !leave(t, REG_SP(regs) - RETURNED, &f))
		return 0;
	if (f.size) {
		if (n != 1 || bpf_probe_read_user(&size, sizeof(size), (void *)f.size))
			return 0;
		n = size;
	}
	if (n > 0)
		done(t, &f, n);
	return 0;
}

/* Of the record functions of GnuTLS and of SSL_sendfile: a ssize_t. */
SEC("uretprobe/gnutls_record_recv")
int PROBE(gnutls_return)
{
	struct thread *t = current_thread();
	__s64 n = REG_RESULT(regs);
	struct frame f;

	if (t && leave(t, REG_SP(regs) - RETURNED, &f) && n > 0)
		done(t, &f, n);
	return 0;
}

/* SSL_set_fd, gnutls_transport_set_int2: the descriptor comes first or alone. */
SEC("uprobe/SSL_set_fd")
int PROBE(ssl_set_fd)
{
	struct session_key key = key_of(REG_ARG1(regs));
	struct session *s;

	if (!process_in_scope())
		return 0;
	s = enter_session(&key);
	if (!s)
		return 0;
	renew(s, &key);
	s->fd = REG_ARG2(regs);
	s->flags |= FLAG_FD;
	return 0;
}

/* SSL_free, SSL_clear, gnutls_deinit. */
SEC("uprobe/SSL_free")
int PROBE(ssl_free)
{
	struct session_key key = key_of(REG_ARG1(regs));
	struct thread *t = current_thread();

	if (t && t->pending.object == key.object)
		t->pending.object = 0;
	end_session(&key);
	return 0;
}

/* Mentioned, so that these reach the type information, of which bpf2go makes Go types. */
const enum counter *const unused_counter = NULL;
const enum kind *const unused_kind = NULL;
const enum flag *const unused_flag = NULL;
const enum side *const unused_side = NULL;
const struct segment *const unused_segment = NULL;
const struct order *const unused_order = NULL;

char LICENSE[] SEC("license") = "GPL";
