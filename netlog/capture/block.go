package capture

import (
	"encoding/binary"
	"iter"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/netlog/packet"
)

// block is a block of the ring: struct tpacket_block_desc of if_packet.h,
// then frames.
type block []byte

// frame is a frame in a block: struct tpacket3_hdr, struct sockaddr_ll, room,
// data.
type frame []byte

// Offsets in a block.
const (
	blockStatus = 8 // behind version and offset to private data
	blockCount  = 12
	blockFirst  = 16
)

// Offset of the packet type in a frame: struct sockaddr_ll lies behind the
// header, aligned; the type behind family, protocol, interface and hardware.
const frameType = unix.SizeofTpacket3Hdr + 10

func (b block) status() *uint32 { return (*uint32)(unsafe.Pointer(&b[blockStatus])) }

// ready reports whether the kernel has handed the block over. Loading the
// status comes before every load of what is in the block.
func (b block) ready() bool { return atomic.LoadUint32(b.status())&unix.TP_STATUS_USER != 0 }

// release gives the block back to the kernel.
func (b block) release() { atomic.StoreUint32(b.status(), unix.TP_STATUS_KERNEL) }

// frames walks over the frames of a ready block.
func (b block) frames() iter.Seq[frame] {
	return func(yield func(frame) bool) {
		count := binary.NativeEndian.Uint32(b[blockCount:])
		at := binary.NativeEndian.Uint32(b[blockFirst:])
		for range count {
			f := frame(b[at:])
			if !yield(f) {
				return
			}
			at += f.header().Next_offset
		}
	}
}

func (f frame) header() *unix.Tpacket3Hdr { return (*unix.Tpacket3Hdr)(unsafe.Pointer(&f[0])) }

func (f frame) time() int64 {
	h := f.header()
	return int64(h.Sec)*1e9 + int64(h.Nsec)
}

func (f frame) direction() packet.Direction {
	if f[frameType] == unix.PACKET_OUTGOING {
		return packet.Tx
	}
	return packet.Rx
}

const (
	macs    = 12 // both addresses of an Ethernet header
	tagSize = 4
)

// data returns what was captured and its length on the wire. A tag that the
// kernel took off is put back in front of the ethertype, in the room that
// PACKET_RESERVE left.
func (f frame) data(ethernet bool) (data []byte, wire int) {
	h := f.header()
	start, n := int(h.Mac), int(h.Snaplen)
	wire = int(h.Len)
	if h.Status&unix.TP_STATUS_VLAN_VALID != 0 && ethernet && n >= macs {
		f.retag(start)
		start, n, wire = start-tagSize, n+tagSize, wire+tagSize
	}
	return f[start : start+n : start+n], wire
}

func (f frame) retag(start int) {
	h := f.header()
	copy(f[start-tagSize:], f[start:start+macs])
	kind := uint16(unix.ETH_P_8021Q)
	if h.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		kind = h.Hv1.Vlan_tpid
	}
	binary.BigEndian.PutUint16(f[start-tagSize+macs:], kind)
	binary.BigEndian.PutUint16(f[start-tagSize+macs+2:], uint16(h.Hv1.Vlan_tci))
}
