package payload

import (
	"bytes"
	"net/netip"
	"unsafe"

	"datakit.dev/agent/internal/bpf"
)

// Kind says what a packet is of.
type Kind uint8

// The kinds.
const (
	HTTP   = Kind(skbKindKIND_HTTP) // a TCP connection that may be HTTP
	DNSUDP = Kind(skbKindKIND_DNS_UDP)
	DNSTCP = Kind(skbKindKIND_DNS_TCP)
)

// Packet is one packet, or a part of one. It is valid during the call that
// passes it.
type Packet struct {
	skbPacket
	Data []byte // the first bytes of Len
	size int
}

const headSize = int(unsafe.Sizeof(skbPacket{}))

// decode reads a record of the ring, in the byte order of the machine; false
// when it has another size.
func (p *Packet) decode(b []byte) bool {
	if len(b) < headSize {
		return false
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&p.skbPacket)), headSize), b)
	if int(p.Captured) > len(b)-headSize {
		return false
	}
	p.Data, p.size = b[headSize:][:p.Captured], bpf.Header+len(b)
	return true
}

// Of tells what the packet is of.
func (p *Packet) Of() Kind { return Kind(p.Kind) }

func (p *Packet) has(f skbFlag) bool { return skbFlag(p.Flags)&f != 0 }

// Sent says that the local end sent it.
func (p *Packet) Sent() bool { return p.has(skbFlagFLAG_EGRESS) }

// Closed says that the connection is over; there is no payload.
func (p *Packet) Closed() bool { return p.has(skbFlagFLAG_CLOSED) }

// Finished says that the end that sent it sends no more, Seq being where its
// stream ends; there is no payload. The other end may go on.
func (p *Packet) Finished() bool { return p.has(skbFlagFLAG_FINISHED) }

// Orphan says that it was received together with the handshake: it has no
// cookie, because the socket was not there yet.
func (p *Packet) Orphan() bool { return p.has(skbFlagFLAG_ORPHAN) }

// Local is the address of the socket.
func (p *Packet) Local() netip.AddrPort { return addrPort(p.End.Local, p.End.LocalPort) }

// Remote is the address of the peer.
func (p *Packet) Remote() netip.AddrPort { return addrPort(p.End.Remote, p.End.RemotePort) }

func addrPort(a [16]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), port)
}

// Comm is the name of the process, as the kernel holds it.
func (p *Packet) Comm() []byte { return text(&p.End.Comm) }

func text(c *[16]int8) []byte {
	b := unsafe.Slice((*byte)(unsafe.Pointer(c)), len(c))
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// Size is what the packet took in the ring.
func (p *Packet) Size() int { return p.size }
