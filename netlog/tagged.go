package netlog

import (
	"encoding/binary"
	"slices"

	"datakit.dev/agent/netlog/packet"
)

// tagged returns the frame of a packet with the VLAN tag that the kernel took
// off it, and how long that is; 0 when the frame is whole.
func tagged(p *packet.Packet) (frame []byte, added int) {
	const addresses, tag = 12, 4
	if p.Link != packet.LinkEthernet || p.VLAN[0] == 0 || len(p.Frame) < addresses+2 {
		return p.Frame, 0
	}
	inFrame, want := 0, 1
	if p.VLAN[1] != 0 {
		want = 2
	}
	for at := addresses; at+tag <= len(p.Frame); at += tag {
		kind := binary.BigEndian.Uint16(p.Frame[at:])
		if kind != 0x8100 && kind != 0x88a8 && kind != 0x9100 {
			break
		}
		inFrame++
	}
	if inFrame >= want {
		return p.Frame, 0
	}
	kind := uint16(0x8100) // 802.1Q; an outer tag before another one is of 802.1ad
	if inFrame > 0 {
		kind = 0x88a8
	}
	var t [tag]byte
	binary.BigEndian.PutUint16(t[:], kind)
	binary.BigEndian.PutUint16(t[2:], p.VLAN[0])
	return slices.Concat(p.Frame[:addresses], t[:], p.Frame[addresses:]), tag
}
