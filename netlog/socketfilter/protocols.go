package socketfilter

// Numbers of headers, as netlog/packet decodes them.
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100 // 802.1Q
	etherQinQ = 0x88a8 // 802.1ad
	etherOld  = 0x9100 // stacked tags before 802.1ad

	ethernetHeader = 14
	vlanTag        = 4
	vlanMask       = 0x0fff
	maxTags        = 2 // in the frame, beside one that the kernel took off
	ipv4Header     = 20
	ipv6Header     = 40
	offsetMask     = 0x1fff // fragment offset

	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58

	protoIPv4InIP = 4
	protoIPv6InIP = 41
	protoGRE      = 47

	outgoing = 4 // PACKET_OUTGOING of if_packet.h
)

// tags are the ethertypes of VLAN tags.
func tags() []uint32 { return []uint32{etherVLAN, etherQinQ, etherOld} }

// extensions are the IPv6 headers that may stand before that of transport:
// hop-by-hop, routing, fragment, authentication, destination options,
// mobility, HIP, shim6.
func extensions() []uint32 { return []uint32{0, 43, 44, 51, 60, 135, 139, 140} }

// carriers are the protocols that user space looks into: what the rules ask for
// is inside.
func carriers() []uint32 { return []uint32{protoIPv4InIP, protoIPv6InIP, protoGRE} }

// tunnels are the UDP ports of VXLAN and Geneve.
func tunnels() []uint32 { return []uint32{4789, 8472, 6081} }
