// Package track follows connections through the packets of one network
// interface: who talks to whom, in which state of TCP, how much, how fast and
// with how much trouble.
//
//	packet.Packet ──► Table ──► Event: connection, side, Analysis, stream position, RTT sample
//	                    │
//	                    └─────► Config.Ended, once per connection: idle, closed, re-used, evicted
//
// A [Table] reads no clock: time is that of the packets and of
// [Table.Expire], so that a capture file gives what the live traffic gave. It
// is bounded, allocates in large slabs without pointers and nothing per
// packet.
//
// What counts as a retransmission, as out of order, as a duplicate
// acknowledgement and so on follows Wireshark's tcp.analysis; README.md of
// netlog lists where and why it differs.
package track
