package packet

// Decoder decodes frames and counts what became of them. It belongs to one
// goroutine; the zero Decoder is ready.
type Decoder struct {
	Frames  int64          // handed in
	Refused [Reasons]int64 // not decoded, by [Error]; the first is unused
}

// Decode decodes a frame of wire bytes, of which the capture holds the first,
// into p. It sets every field of p but Time and Interface, and Dir only when
// the link header tells it. The error is nil or an [Error]; then p is not
// usable.
func (d *Decoder) Decode(frame []byte, wire int, link LinkType, p *Packet) error {
	d.Frames++
	p.Link, p.Frame = link, frame
	p.Wire, p.Captured = max(wire, len(frame)), len(frame)
	p.VLAN = [2]uint16{}
	p.Tunnel, p.VNI = None, 0
	var e Error
	if link == LinkEthernet {
		e = p.ethernet(frame, p.Wire, 0)
	} else {
		p.SrcMAC, p.DstMAC = [6]byte{}, [6]byte{}
		e = p.link(frame, p.Wire, link)
	}
	if e != 0 {
		d.Refused[e]++
		return e
	}
	return nil
}
