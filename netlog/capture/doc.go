// Package capture is where packets come from: a ring that the kernel fills
// with the frames of one network interface, or a file.
//
//	interface ── filter ──► ring of blocks ──► Ring ─┐
//	               │            │ full: dropped,     ├─► Source ── *packet.Packet ──► one goroutine
//	          not kept          ▼ counted            │              valid during the call
//	                          Stats          File ───┘
//
// The ring is that of packet(7), version 3: memory shared with the kernel, in
// which frames lie one behind the other, cut to the snap length. Packets are
// decoded where they lie and handed on without being copied; the kernel gets
// a block back when all its packets have been handed on. No part of it needs
// eBPF, and none needs cgo.
package capture
