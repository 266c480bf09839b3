// Package log writes what happened on connections as the log measurements
// bpf_net_l4_log and bpf_net_l7_log.
//
//	track.Event ──► Log ── chunk per connection ──► full, 30 s old, ended ──► bpf_net_l4_log
//	http.Exchange ──► Log ────────────────────────────────────────────────► bpf_net_l7_log
//	                   └── rows of the chunk's packets: Pages, bounded
//
// Where a chunk begins and ends depends on the times of packets only, never
// on when somebody looks, so that live traffic and a capture file of it give
// the same points.
package log
