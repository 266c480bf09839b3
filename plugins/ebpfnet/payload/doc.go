// Package payload sees the packets of all sockets of the machine, as the
// programs of one cgroup_skb pair on the root of cgroup v2 hand them over:
// UDP flows as sums, DNS messages, and what connections that may be HTTP send
// and receive.
//
//	cgroup_skb ─┬─ map of flows ── Flows, once per interval ─► flow.Conn
//	            └─ ring ────────── Drain, 2 to 20 ms ────────► Packet ─► exchange, query
//	   ▲                                                                     │
//	   └──────────────── marks ◄──────────────── Mark ◄──────────────────────┘
//
// Programs wake nobody up. What finds no room is counted: [Tap.Counts].
package payload
