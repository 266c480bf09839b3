// Package bpf loads kernel programs, attaches them and reads what they
// produce, one feature at a time.
//
//	compiled objects ──► Object ── program ──► Ladder ── attached ──► kernel
//	                       │                     │ rung, reason
//	                     maps                    ▼
//	                       │                  Status (doctor)
//	                       ├── ring buffer ──► Ring ── records ──► plugin
//	                       └── iterators ────► Iterator ─ records ─┘
//
// Whether a kernel can do something is found out by loading and attaching the
// real program: what the kernel says about itself cannot be trusted on
// hardened machines, where program types exist and still are refused. A
// program that fails takes no other down; which rung a feature stands on, and
// why not on a better one, is kept for the operator.
//
// The oldest kernel is 5.10 with BTF (/sys/kernel/btf/vmlinux).
package bpf
