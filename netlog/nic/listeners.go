package nic

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Listeners are the addresses on which TCP sockets of a namespace listen.
type Listeners struct {
	addrs map[netip.AddrPort]struct{}
	any4  map[uint16]struct{} // ports on all IPv4 addresses
	any6  map[uint16]struct{}
}

func newListeners() *Listeners {
	return &Listeners{addrs: map[netip.AddrPort]struct{}{}, any4: map[uint16]struct{}{}, any6: map[uint16]struct{}{}}
}

// Has reports whether something listens on an address. It may be nil.
func (l *Listeners) Has(local netip.AddrPort) bool {
	if l == nil {
		return false
	}
	wild := l.any6
	if local.Addr().Is4() {
		wild = l.any4
	}
	if _, ok := wild[local.Port()]; ok {
		return true
	}
	_, ok := l.addrs[local]
	return ok
}

// add notes a socket; v6only says whether one on all IPv6 addresses leaves
// the IPv4 ones alone.
func (l *Listeners) add(local netip.AddrPort, v6only bool) {
	a := local.Addr()
	switch {
	case a.IsUnspecified() && a.Is4():
		l.any4[local.Port()] = struct{}{}
	case a.IsUnspecified():
		l.any6[local.Port()] = struct{}{}
		if !v6only {
			l.any4[local.Port()] = struct{}{}
		}
	default:
		l.addrs[netip.AddrPortFrom(a.Unmap(), local.Port())] = struct{}{}
	}
}

// Sizes and numbers of linux/inet_diag.h.
const (
	diagRequest = 56 // struct inet_diag_req_v2
	diagMessage = 72 // struct inet_diag_msg
	diagV6Only  = 11 // INET_DIAG_SKV6ONLY, of listening sockets
	tcpListen   = 10
)

// diag is struct inet_diag_req_v2 that asks for the listening sockets.
type diag uint8

func (family diag) Len() int { return diagRequest }

func (family diag) Serialize() []byte {
	b := make([]byte, diagRequest)
	b[0], b[1] = byte(family), unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[4:], 1<<tcpListen)
	return b
}

// listening dumps the listening sockets of the namespace of a socket.
func listening(s *nl.NetlinkSocket) (*Listeners, error) {
	l := newListeners()
	for _, family := range []diag{unix.AF_INET, unix.AF_INET6} {
		request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
		request.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_INET_DIAG: {Socket: s}}
		request.AddData(family)
		messages, err := request.Execute(unix.NETLINK_INET_DIAG, 0)
		if err != nil {
			return nil, fmt.Errorf("list listening sockets: %w", err)
		}
		for _, m := range messages {
			if local, v6only, ok := listener(m); ok {
				l.add(local, v6only)
			}
		}
	}
	return l, nil
}

// listener reads struct inet_diag_msg: family, state, two counters, ports and
// addresses in network order …, then attributes.
func listener(b []byte) (local netip.AddrPort, v6only, ok bool) {
	if len(b) < diagMessage || b[1] != tcpListen {
		return local, false, false
	}
	var addr netip.Addr
	switch b[0] {
	case unix.AF_INET:
		addr = netip.AddrFrom4([4]byte(b[8:]))
	case unix.AF_INET6:
		addr = netip.AddrFrom16([16]byte(b[8:]))
	default:
		return local, false, false
	}
	attrs := b[diagMessage:] // length, type, value, padded to 4 bytes
	for len(attrs) > 4 {
		size := int(binary.NativeEndian.Uint16(attrs))
		if size < 4 || size > len(attrs) {
			break
		}
		if binary.NativeEndian.Uint16(attrs[2:]) == diagV6Only && size > 4 {
			v6only = attrs[4] != 0
		}
		attrs = attrs[min((size+3)&^3, len(attrs)):]
	}
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b[4:])), v6only, true
}
