// Package socketfilter puts rules of netlog_blacklist into the kernel, so
// that packets they drop are never copied to user space.
//
//	filter.Program ── Headers ──► filter.Decision ─┬─► eBPF:    parse headers to the stack ─► tests ─► count, drop
//	                              tests on fields  └─► classic: parse headers to M[] ───────► tests ─► drop;
//	                                                            its opposite, on a socket without room: count
//
// A filter never drops what [filter.Program.Match] keeps. It sees a frame as
// AF_PACKET has it, before who is source is settled: the packet type tells
// the direction, and the source is the side of the interface. What it does
// not decode goes on to user space: IPv6 extension headers, GRE and IP in IP,
// more than two VLAN tags, headers that are cut short; of a classic filter
// VXLAN and Geneve too. On
// all other packets it agrees with Match as long as [filter.Decision.Exact]
// holds.
package socketfilter
