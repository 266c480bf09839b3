package exchange

import "net/netip"

// Endpoint is the local end of a connection: whose it is, and between which
// addresses. What is not known is zero, never guessed.
type Endpoint struct {
	Netns         uint64         // inode number of the network namespace of the socket
	Local, Remote netip.AddrPort // IPv4-mapped addresses may be given mapped
	PID           uint32         // thread group that uses the socket
	Process       string         // name of its leader
	CgroupID      uint64         // cgroup v2 of the socket
	Cookie        uint64         // of the socket: unique for as long as the machine runs
}
