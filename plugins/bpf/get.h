/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GET reads a field of a kernel structure, GET2 one behind a pointer.
 *
 * In a program whose context gives typed pointers (tp_btf) that is a plain load, which the kernel
 * guards; say so by defining TYPED_POINTERS before the first include. Elsewhere it is a call of
 * bpf_probe_read_kernel, 12 to 15 ns. Either way the loader fills in the offset.
 */
#ifndef PLUGINS_BPF_GET_H
#define PLUGINS_BPF_GET_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#ifdef TYPED_POINTERS
#define GET(p, field)	       ((p)->field)
#define GET2(p, field, field2) ((p)->field->field2)
#else
#define GET(p, field)	       BPF_CORE_READ(p, field)
#define GET2(p, field, field2) BPF_CORE_READ(p, field, field2)
#endif

#endif
