package packet

import (
	"math/rand/v2"
	"testing"
)

// FuzzDecode: whatever the bytes are, decoding ends, stays in the frame, and
// agrees with gopacket where that decodes the frame too.
func FuzzDecode(f *testing.F) {
	for _, tt := range append(examples(), refused()...) {
		if len(tt.frame) < 2000 {
			f.Add(uint16(tt.link), tt.frame, uint16(tt.wire))
		}
	}
	f.Fuzz(func(t *testing.T, link uint16, frame []byte, wire uint16) {
		var d Decoder
		var p Packet
		if d.Decode(frame, int(wire), LinkType(link), &p) == nil {
			invariants(t, &p)
		}
		compare(t, frame, LinkType(link))
	})
}

func invariants(t *testing.T, p *Packet) {
	t.Helper()
	if len(p.Payload) > p.PayloadLen || len(p.Payload) > p.Captured || p.Captured > p.Wire {
		t.Fatalf("payload %d of %d, frame %d of %d", len(p.Payload), p.PayloadLen, p.Captured, p.Wire)
	}
	if !p.Src.IsValid() || p.Src.Is4() != p.Dst.Is4() || int(p.TCP.SACKs) > len(p.TCP.SACK) {
		t.Fatalf("%+v", p)
	}
}

// TestRandom does in every run what the fuzzer does for long: examples with a
// few bytes changed, against gopacket.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []example
	for _, tt := range examples() {
		if len(tt.frame) < 2000 {
			all = append(all, tt)
		}
	}
	const frames = 200000
	known := 0
	for range frames {
		tt := all[r.IntN(len(all))]
		frame := append([]byte(nil), tt.frame...)
		for range r.IntN(4) {
			frame[r.IntN(len(frame))] = byte(r.Uint32())
		}
		if r.IntN(4) == 0 {
			frame = frame[:r.IntN(len(frame)+1)]
		}
		if compare(t, frame, tt.link) {
			known++
		}
	}
	if known < frames/3 {
		t.Errorf("gopacket reads %d of %d frames: too few to compare with", known, frames)
	}
}
