/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's types as far as our programs read them.
 *
 * Every structure carries preserve_access_index: the loader rewrites each
 * access to the offsets of the running kernel (CO-RE), so what counts here are
 * names, not layouts, and a field that is not read is not declared. Fields
 * that differ between kernels are in core_fixes.h. The structures of the user
 * API (bpf_sock_addr) have a fixed layout and are not relocated.
 */
#ifndef PLUGINS_BPF_KERNEL_H
#define PLUGINS_BPF_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef signed short __s16;
typedef signed int __s32;
typedef signed long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)

/* include/uapi/linux/bpf.h */
#define BPF_MAP_TYPE_HASH	  1
#define BPF_MAP_TYPE_ARRAY	  2
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_RINGBUF	  27
#define BPF_ANY			  0
#define BPF_NOEXIST		  1
#define BPF_RB_NO_WAKEUP	  1

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};

#define AF_INET	      2
#define AF_INET6      10
#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262
#define SOCK_DONE     1		 /* include/net/sock.h: bit of sk_flags */
#define PF_KTHREAD    0x00200000 /* include/linux/sched.h */
#define S_IFMT	      0170000
#define S_IFSOCK      0140000

#define PRESERVE __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} PRESERVE;

struct net {
	struct ns_common ns;
} PRESERVE;

typedef struct {
	struct net *net;
} PRESERVE possible_net_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
} PRESERVE;

typedef struct {
	int counter;
} PRESERVE atomic_t;

struct refcount_struct {
	atomic_t refs;
} PRESERVE;

typedef struct refcount_struct refcount_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	short unsigned int skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	unsigned long skc_flags;
	refcount_t skc_refcnt;
} PRESERVE;

struct kernfs_node {
	__u64 id;
} PRESERVE;

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
} PRESERVE;

struct cgroup {
	struct cgroup_subsys_state self; /* at offset 0 */
	struct kernfs_node *kn;
} PRESERVE;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} PRESERVE;

typedef struct {
	int owned;
} PRESERVE socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	__u16 sk_protocol;
	struct socket *sk_socket;
	struct sock_cgroup_data sk_cgrp_data;
} PRESERVE;

struct socket {
	struct sock *sk;
} PRESERVE;

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
} PRESERVE;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
} PRESERVE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq;
	__u32 srtt_us;
	__u32 mdev_us;
	__u32 total_retrans;
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u64 bytes_retrans;
} PRESERVE;

struct mptcp_sock {
	struct sock *first;
} PRESERVE;

struct task_struct {
	unsigned int flags;
	int tgid;
	struct task_struct *group_leader;
	char comm[16];
} PRESERVE;

struct inode {
	unsigned short i_mode;
} PRESERVE;

struct file {
	struct inode *f_inode;
	void *private_data;
} PRESERVE;

struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
	struct seq_file *seq;
} PRESERVE;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
} PRESERVE;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} PRESERVE;

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
} PRESERVE;

/* include/uapi/linux/bpf.h: context of the programs cgroup/{connect,getpeername,…} */
struct bpf_sock;
struct bpf_sock_addr {
	__u32 user_family;
	__u32 user_ip4;
	__u32 user_ip6[4];
	__u32 user_port;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 msg_src_ip4;
	__u32 msg_src_ip6[4];
	union {
		struct bpf_sock *sk;
		__u64 : 64;
	} __attribute__((aligned(8)));
};

#endif
