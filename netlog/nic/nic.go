package nic

import (
	"fmt"
	"net/netip"
	"slices"

	"datakit.dev/agent/netlog/packet"
)

// NIC is a network interface as it was at the last look. It is not modified
// afterwards.
type NIC struct {
	Space *Namespace
	Index int
	Name  string
	MAC   [6]byte
	Addrs []netip.Addr    // sorted; those of interfaces on top of it too, if they are not captured themselves
	Link  packet.LinkType // LinkEthernet, or LinkRaw for what has no Ethernet header
	Kind  string          // "veth", "bridge", …; "" for devices that stand for hardware

	Loopback bool

	own        []netip.Addr
	up         bool
	master     int  // bridge or bond that it is a port of; 0: none
	paired     bool // the master stands for hardware too: a virtual function with its synthetic device
	parent     int  // what it stands on; veth: the other end
	parentNSID int  // id of the namespace of the parent, seen from this one; -1: this one
}

// String names the interface and its namespace for people.
func (n *NIC) String() string { return fmt.Sprintf("%s in net:[%d]", n.Name, n.Space.Inode) }

// key is what an interface is recognised by. A name may change, an index and
// the kind do not.
type key struct {
	inode uint64
	index int
}

func (n *NIC) key() key { return key{n.Space.Inode, n.Index} }

// same reports whether nothing of it changed.
func (n *NIC) same(o *NIC) bool {
	return n.Name == o.Name && n.MAC == o.MAC && n.Link == o.Link && slices.Equal(n.Addrs, o.Addrs)
}
