// Package exchange is where the bytes of all sources meet: packets in clear
// from the cgroup hooks, plaintext from the TLS libraries. It keeps one HTTP
// decoder per connection and hands what they find to the aggregation.
//
//	payload (cgroup_skb) ─┐ Segment, Closed              ┌─ flow.HTTP ─► httpflow
//	tls (uprobes) ────────┴────────────► Tracker ────────┤
//	        ▲   Verdict, Capture             one         └─ Stats ─► doctor
//	        └─────────────────────────── http.Conn each
package exchange
