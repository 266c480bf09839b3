// Package netlog is the plugin bpf-netlog: connection logs and flows from
// captured packets, where eBPF is not available or packets are what is wanted.
//
//	ring per interface ─┐          ┌ blacklist ─► track.Table ─┬─► log.Log ──────────────► bpf_net_l4_log
//	 (capture.Source)   ├─► tap ───┤                           ├─► http.Conn ─► log.Log ─► bpf_net_l7_log
//	capture file       ─┘          └ counters                  └─► metrics ──────────────► netflow, httpflow, dnsflow
//
// One goroutine per interface does all of it, packet by packet; what it makes
// goes through a bounded outlet to the sink. [Replay] runs the same over a
// capture file.
package netlog
