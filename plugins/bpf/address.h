/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses as all records hold them: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
#ifndef PLUGINS_BPF_ADDRESS_H
#define PLUGINS_BPF_ADDRESS_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

static __always_inline void map_v4(__u8 *to, __be32 addr)
{
	__u32 *w = (__u32 *)to;

	w[0] = w[1] = 0;
	w[2] = bpf_htonl(0xffff);
	w[3] = addr;
}

static __always_inline void copy_v6(__u8 *to, const __be32 *addr)
{
	__u32 *w = (__u32 *)to;

	for (int i = 0; i < 4; i++)
		w[i] = addr[i];
}

static __always_inline bool is_mapped_address(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_loopback_address(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	if (is_mapped_address(a))
		return a[12] == 127;
	return !w[0] && !w[1] && !w[2] && w[3] == bpf_htonl(1);
}

#endif
