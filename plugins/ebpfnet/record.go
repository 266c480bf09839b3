package ebpfnet

import (
	"bytes"
	"net/netip"
	"unsafe"

	"datakit.dev/agent/internal/flow"
)

// record is struct conn of conn.h: the state of one connection.
type record struct{ tcpStateConn }

const recordSize = int(unsafe.Sizeof(record{}))

// decode reads a record as the kernel wrote it, in the byte order of the
// machine; false when it has another size.
func (r *record) decode(b []byte) bool {
	return copy(unsafe.Slice((*byte)(unsafe.Pointer(r)), recordSize), b) == recordSize && len(b) == recordSize
}

// connID names a connection. The kernel uses the memory of a socket again,
// so its address alone does not.
type connID struct{ sk, start uint64 }

func (r *record) id() connID { return connID{r.Sk, r.Start} }

func (r *record) has(f tcpStateFlag) bool { return tcpStateFlag(r.Flags)&f != 0 }

func (r *record) found() bool { return r.has(tcpStateFlagFLAG_FOUND) }
func (r *record) final() bool { return r.has(tcpStateFlagFLAG_FINAL) }

// stateClose is TCP_CLOSE of include/net/tcp_states.h.
const stateClose = 7

func (r *record) closed() bool { return r.State == stateClose }

func (r *record) local() netip.AddrPort  { return addrPort(r.Local, r.LocalPort) }
func (r *record) remote() netip.AddrPort { return addrPort(r.Remote, r.RemotePort) }

func addrPort(a [16]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), port)
}

func (r *record) direction() flow.Direction {
	switch tcpStateRole(r.Role) {
	case tcpStateRoleROLE_ACTIVE:
		return flow.Outgoing
	case tcpStateRoleROLE_PASSIVE:
		return flow.Incoming
	default:
		return flow.Unknown
	}
}

// process is the name of the owner, "" when there is none.
func (r *record) process() string {
	name := unsafe.Slice((*byte)(unsafe.Pointer(&r.Comm)), len(r.Comm))
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	return string(name)
}
