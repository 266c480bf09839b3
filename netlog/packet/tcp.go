package packet

import "encoding/binary"

// TCP is a decoded TCP header (RFC 9293). Of the options only those that
// Options names were present; the others hold what an earlier packet left.
type TCP struct {
	Seq, Ack uint32
	Window   uint16 // as on the wire, not scaled
	Flags    Flags
	Options  Options

	WScale       uint8 // shift count of OptWScale
	SACKs        uint8 // number of blocks of OptSACK
	MSS          uint16
	TSVal, TSEcr uint32
	SACK         [4][2]uint32 // left and right edge of each block
}

// Flags are the control bits of a TCP header.
type Flags uint8

// Control bits.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// Has reports whether all of f are set.
func (g Flags) Has(f Flags) bool { return g&f == f }

// Options tells which options a header has.
type Options uint8

// Options that are decoded.
const (
	OptMSS           Options = 1 << iota
	OptWScale                // RFC 7323
	OptSACKPermitted         // RFC 2018
	OptSACK                  // RFC 2018
	OptTimestamps            // RFC 7323
)

// Has reports whether all of o are present.
func (g Options) Has(o Options) bool { return g&o == o }

// Kinds of options (IANA tcp-parameters).
const (
	kindEnd           = 0
	kindNop           = 1
	kindMSS           = 2
	kindWScale        = 3
	kindSACKPermitted = 4
	kindSACK          = 5
	kindTimestamps    = 8
)

const tcpHeader = 20 // without options

// tcp decodes a segment of n bytes on the wire, of which b were captured.
func (p *Packet) tcp(b []byte, n int) Error {
	if len(b) < tcpHeader {
		return short(n, tcpHeader)
	}
	header := int(b[12]>>4) * 4
	if header < tcpHeader || header > n {
		return Malformed
	}
	p.SrcPort = binary.BigEndian.Uint16(b)
	p.DstPort = binary.BigEndian.Uint16(b[2:])
	t := &p.TCP
	t.Seq = binary.BigEndian.Uint32(b[4:])
	t.Ack = binary.BigEndian.Uint32(b[8:])
	t.Flags = Flags(b[13])
	t.Window = binary.BigEndian.Uint16(b[14:])
	t.Options = 0
	p.PayloadLen = n - header
	if len(b) >= header {
		p.Payload = b[header:]
		b = b[:header]
	}
	if header > tcpHeader {
		t.options(b[tcpHeader:])
	}
	return 0
}

// aligned is how nearly every segment of Linux begins its options: two NOPs
// and the timestamps, so that they lie on a word.
const aligned = kindNop<<24 | kindNop<<16 | kindTimestamps<<8 | 10

// options decodes what was captured of the options. As receivers do, it stops
// at an option that cannot be right and keeps those before it.
func (t *TCP) options(b []byte) {
	if len(b) >= 12 && binary.BigEndian.Uint32(b) == aligned {
		t.timestamps(b[2:])
		b = b[12:]
	}
	for len(b) > 0 {
		switch b[0] {
		case kindEnd:
			return
		case kindNop:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return
		}
		t.option(b[:b[1]])
		b = b[b[1]:]
	}
}

// option decodes one option; one of a wrong length is ignored.
func (t *TCP) option(b []byte) {
	switch kind, n := b[0], len(b); {
	case kind == kindMSS && n == 4:
		t.MSS = binary.BigEndian.Uint16(b[2:])
		t.Options |= OptMSS
	case kind == kindWScale && n == 3:
		t.WScale = b[2]
		t.Options |= OptWScale
	case kind == kindSACKPermitted && n == 2:
		t.Options |= OptSACKPermitted
	case kind == kindTimestamps && n == 10:
		t.timestamps(b)
	case kind == kindSACK && n >= 10 && n <= 2+8*len(t.SACK) && (n-2)%8 == 0:
		t.Options |= OptSACK
		t.SACKs = uint8((n - 2) / 8)
		for i := range t.SACKs {
			at := b[2+8*int(i):]
			t.SACK[i] = [2]uint32{binary.BigEndian.Uint32(at), binary.BigEndian.Uint32(at[4:])}
		}
	}
}

func (t *TCP) timestamps(b []byte) {
	_ = b[9]
	t.TSVal = binary.BigEndian.Uint32(b[2:])
	t.TSEcr = binary.BigEndian.Uint32(b[6:])
	t.Options |= OptTimestamps
}
