package tls

import (
	"net/netip"
	"unsafe"

	"datakit.dev/agent/plugins/ebpfnet/exchange"
)

// segment is struct segment of tls.h, with the bytes that follow it.
type segment struct {
	callsSegment
	data []byte // points into the ring
}

const segmentSize = int(unsafe.Sizeof(callsSegment{}))

// decode reads a record as the kernel wrote it, in the byte order of the
// machine; false when it is none.
func (s *segment) decode(record []byte) bool {
	if len(record) < segmentSize {
		return false
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&s.callsSegment)), segmentSize), record)
	data := record[segmentSize:]
	if uint64(s.Captured) > uint64(len(data)) || s.Captured > s.Len || s.Kind > uint8(callsKindKIND_ENDED) || s.Side >= uint8(callsSideSIDES) {
		return false
	}
	s.data = data[:s.Captured]
	return true
}

// bound reports that the connection is known.
func (s *segment) bound() bool { return s.At.Netns != 0 }

// key names the session in the kernel.
func (s *segment) key() callsSessionKey {
	return callsSessionKey{Object: s.Object, Pid: s.Pid}
}

func (s *segment) endpoint() exchange.Endpoint {
	return exchange.Endpoint{
		Netns: uint64(s.At.Netns),
		Local: addrPort(s.At.Local, s.At.LocalPort), Remote: addrPort(s.At.Remote, s.At.RemotePort),
		PID: s.Pid, CgroupID: s.At.Cgroup, Cookie: s.At.Cookie,
	}
}

func addrPort(a [16]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), port)
}
