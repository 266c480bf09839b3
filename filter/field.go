package filter

// Field is a number in the headers of a packet. Rules are made of tests on
// fields.
type Field uint8

// Fields of a [Packet]. Those that hold a text or an address have a bit above
// the value when it is there, so that 0 is always "none".
const (
	Family    Field = iota // 4, 6; 0: neither
	Proto                  // IP protocol number, extension headers skipped
	SrcPort                // TCP and UDP
	DstPort                //
	SrcIPv4                // 1<<32 | address; 0 when the packet is not IPv4
	DstIPv4                //
	SrcIPv6Hi              // first half of the address; 0 when the packet is not IPv6
	SrcIPv6Lo              //
	DstIPv6Hi              //
	DstIPv6Lo              //
	SrcMAC                 // 1<<48 | address
	DstMAC                 //
	VLAN                   // id of the outermost tag; 0: none
	InnerVLAN              // id of the tag within it
	Tunnel                 // TunnelVXLAN …; 0: none
	VNI                    // network identifier of VXLAN and Geneve

	Fields = iota // the number of them, a power of two

	None Field = Fields // no field of a packet; stands for 0
)

// Values of the field Tunnel.
const (
	TunnelVXLAN  = 1
	TunnelGeneve = 2
	TunnelGRE    = 3
	TunnelIPIP   = 4
)

// Bits that tell an address from none.
const (
	IPv4Present = 1 << 32 // in SrcIPv4, DstIPv4
	MACPresent  = 1 << 48 // in SrcMAC, DstMAC
)
