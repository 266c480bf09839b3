package netlog

import (
	"fmt"
	"net"
	"net/netip"

	"datakit.dev/agent/netlog/log"
	"datakit.dev/agent/netlog/packet"
)

// Interface is what packets are captured on.
type Interface struct {
	Name            string
	MAC             [6]byte // zero when unknown
	Netns, NetnsDev uint64  // inode and device of the namespace; 0 when unknown
	Host            bool    // the namespace is the host's
	Virtual         bool    // no hardware

	// Of the container whose namespace it is, "" when unknown.
	Namespace, Pod, Container string

	// Owns tells the interface's own addresses; nil when they are not known.
	Owns func(netip.Addr) bool
	// Listens tells whether a socket of the namespace accepts connections
	// at an address; nil when that is not known.
	Listens func(netip.AddrPort) bool
}

func (i *Interface) netns() string {
	if i.Netns == 0 {
		return ""
	}
	return fmt.Sprintf("NS(%d:%d)", i.NetnsDev, i.Netns)
}

func (i *Interface) origin() log.Origin {
	o := log.Origin{
		NIC: i.Name, Netns: i.netns(), HostNetwork: i.Host, Virtual: i.Virtual,
		Namespace: i.Namespace, Pod: i.Pod, Container: i.Container,
	}
	if i.MAC != ([6]byte{}) {
		o.MAC = net.HardwareAddr(i.MAC[:]).String()
	}
	return o
}

// direct sets the direction of a packet whose capture did not tell it, from
// the addresses of the interface. It stays unknown when they say nothing.
func (i *Interface) direct(p *packet.Packet) {
	if i.MAC != ([6]byte{}) && p.Link == packet.LinkEthernet && len(p.Frame) >= 12 {
		switch i.MAC { // of the outer header
		case [6]byte(p.Frame[6:]):
			p.Dir = packet.Tx
			return
		case [6]byte(p.Frame):
			p.Dir = packet.Rx
			return
		}
	}
	if i.Owns == nil {
		return
	}
	switch {
	case i.Owns(p.Src):
		p.Dir = packet.Tx
	case i.Owns(p.Dst):
		p.Dir = packet.Rx
	}
}

// own reports whether a packet is the interface's own traffic, not what it
// forwards, bridges or carries in a tunnel: its address is at the local end.
func (i *Interface) own(p *packet.Packet, local bool) bool {
	mac, addr := p.DstMAC, p.Dst
	if local {
		mac, addr = p.SrcMAC, p.Src
	}
	if i.MAC != ([6]byte{}) && mac != ([6]byte{}) && mac != i.MAC {
		return false
	}
	return i.Owns == nil || i.Owns(addr)
}
