// Package packet decodes captured frames into what connection tracking needs:
// the innermost addresses, ports and transport header.
//
//	frame ── link ──► ethertype ── network ──► protocol ── transport ──► Packet
//	          │ Ethernet,             │ IPv4, IPv6             │ TCP, UDP, ICMP
//	          │ VLAN, cooked,         │ extension headers      │
//	          │ raw, loopback         │ fragments              │ VXLAN, Geneve, GRE,
//	          └────────────◄──────────┴───────────◄────────────┘ IP in IP: once more inside
//
// Decoding does not allocate and does not copy: the payload of a [Packet] is
// part of the frame and lives as long as that does. ESP, SCTP and others are
// not looked into; their protocol number says what they are.
package packet
