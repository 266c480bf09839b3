/* SPDX-License-Identifier: GPL-2.0 */
/* What the first bytes of a packet look like. The reader decides; this only has to miss nothing. */
#ifndef PLUGINS_EBPFNET_PAYLOAD_HEAD_H
#define PLUGINS_EBPFNET_PAYLOAD_HEAD_H

#include "payload.h"

#define HEAD 16 /* bytes that are looked at */

enum looks {
	LOOKS_OTHER,
	LOOKS_REQUEST,
	LOOKS_RESPONSE,
	LOOKS_UPGRADE, /* a response after which another protocol is spoken */
	LOOKS_HTTP2,   /* the preface of a client */
	LOOKS_PROXY,   /* what a load balancer puts before a request */
};

/* Does only a client send it? */
static __always_inline bool asks(enum looks looks)
{
	return looks == LOOKS_REQUEST || looks == LOOKS_PROXY;
}

static __always_inline __u32 word(const __u8 *at)
{
	return *(const __u32 *)at;
}

#define WORD(a, b, c, d) ((__u32)(a) | (b) << 8 | (c) << 16 | (__u32)(d) << 24)

/* Eight times the byte c. */
#define BYTES(c) ((c)*0x0101010101010101ULL)

/* 0x80 in each byte of x that is zero. */
static __always_inline __u64 zero_bytes(__u64 x)
{
	const __u64 low = BYTES(0x7f);

	return ~(((x & low) + low) | x | low);
}

/* All ones if x is 0, else 0. */
static __always_inline __u64 if_zero(__u64 x)
{
	return ((x | -x) >> 63) - 1;
}

/* The number of the first byte in which marks, which are 0x80, has one; it is not 0. */
static __always_inline __u32 first_byte(__u64 marks)
{
	return (((marks & -marks) >> 7) * 0x0001020304050607ULL) >> 56;
}

/* 0x80 in each byte of x that is neither a capital, nor '-' or '_'. */
static __always_inline __u64 no_method(__u64 x)
{
	__u64 low = x & BYTES(0x7f);
	__u64 capital = (low + BYTES(0x80 - 'A')) & ~(low + BYTES(0x80 - 'Z' - 1)) & ~x;

	return ~(capital | zero_bytes(x ^ BYTES('-')) | zero_bytes(x ^ BYTES('_'))) & BYTES(0x80);
}

/*
 * A method is a token (RFC 9110 §5.6.2), and in practice of capitals. So is the beginning of one,
 * which is all that a packet of len bytes may have. Without branches, as behind.
 */
static __always_inline bool is_method(const __u8 *b, __u32 len)
{
	const __u64 *words = (const __u64 *)b;
	__u64 stop = no_method(words[0]), second = if_zero(stop);
	__u64 space = zero_bytes(words[0] ^ BYTES(' '));
	__u32 end;

	stop |= no_method(words[1]) & second;
	space = (space & ~second) | (zero_bytes(words[1] ^ BYTES(' ')) & second);
	if (!stop)
		return false;
	end = first_byte(stop) + (8 & second);
	return end == len || (space & stop & -stop && end > 2);
}

static __always_inline enum looks look_reply(const __u8 *b)
{
	if (word(b) != WORD('H', 'T', 'T', 'P') || b[4] != '/')
		return LOOKS_OTHER;
	return word(b + 8) == WORD(' ', '1', '0', '1') ? LOOKS_UPGRADE : LOOKS_RESPONSE;
}

/* Packets are not empty; behind len are zeros. */
static __always_inline enum looks look(const __u8 *b, __u32 len)
{
	switch (word(b)) {
	case WORD('G', 'E', 'T', ' '):
	case WORD('P', 'O', 'S', 'T'):
	case WORD('H', 'E', 'A', 'D'):
	case WORD('P', 'U', 'T', ' '):
		return LOOKS_REQUEST;
	case WORD('H', 'T', 'T', 'P'):
		return look_reply(b);
	case WORD('P', 'R', 'I', ' '):
		return LOOKS_HTTP2;
	case WORD('P', 'R', 'O', 'X'):
		return b[4] == 'Y' && b[5] == ' ' ? LOOKS_PROXY : LOOKS_OTHER;
	case WORD('\r', '\n', '\r', '\n'):
		return word(b + 4) == WORD(0, '\r', '\n', 'Q') ? LOOKS_PROXY : LOOKS_OTHER;
	}
	return is_method(b, len) ? LOOKS_REQUEST : LOOKS_OTHER;
}

/* What scanning a request for the end of its head found. */
enum scan {
	SCAN_ONE,  /* one head, maybe with a body */
	SCAN_MORE, /* another head follows: the requests are pipelined */
	SCAN_OPEN, /* no end of a head */
};

#define SCAN_WORDS 8 /* of eight bytes, scanned without a branch */

/*
 * The offset behind the first of pairs, one of which is not 0. Without a branch: the ways through
 * would multiply for the verifier.
 */
static __always_inline __u32 behind(const __u64 *pairs)
{
	__u64 first = 0;
	__u32 at = 0;

#pragma unroll
	for (int i = 0; i < SCAN_WORDS; i++) {
		first |= pairs[i] & if_zero(first);
		at += 8 & if_zero(first);
	}
	return at + first_byte(first) + 2; /* and the rest of "\r\n" */
}

static __always_inline enum scan after(const __u8 *data, __u32 size, __u32 len, __u32 at)
{
	if (at >= len || at >= size)
		return SCAN_ONE;
	return data[at] >= 'A' && data[at] <= 'Z' ? SCAN_MORE : SCAN_ONE;
}

/*
 * In a head "\n\r" stands at its end only. Eight bytes are looked at in one go; a pair may lie
 * across two words, hence the last byte that is carried along. Behind len may be anything.
 */
static __always_inline enum scan scan(const __u8 *data, __u32 size, __u32 len)
{
	const __u64 *words = (const __u64 *)data;
	__u64 newline = 0, pairs[SCAN_WORDS];

	for (__u32 b = 0; b < size / 8 && b * 8 < len; b += SCAN_WORDS) {
		__u64 any = 0;

#pragma unroll
		for (int i = 0; i < SCAN_WORDS; i++) {
			__u64 lf = zero_bytes(words[b + i] ^ BYTES('\n'));
			__u64 cr = zero_bytes(words[b + i] ^ BYTES('\r'));

			pairs[i] = (lf << 8 | newline) & cr;
			newline = lf >> 56;
			any |= pairs[i];
		}
		if (any)
			return after(data, size, len, b * 8 + behind(pairs));
	}
	return SCAN_OPEN;
}

#endif
