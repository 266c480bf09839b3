package packet

import "testing"

// BenchmarkDecode measures one frame of each kind. None allocates.
func BenchmarkDecode(b *testing.B) {
	for _, tt := range examples() {
		switch tt.name {
		case "TCP", "SYN with options", "SACK", "QinQ", "IPv6", "IPv6 extension headers", "UDP", "VXLAN", "Geneve", "longer than the MTU":
		default:
			continue
		}
		b.Run(tt.name, func(b *testing.B) {
			var d Decoder
			p := new(Packet)
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(tt.frame, tt.wire, tt.link, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestNoAllocations(t *testing.T) {
	var d Decoder
	p := new(Packet)
	for _, tt := range append(examples(), refused()...) {
		if n := testing.AllocsPerRun(10, func() { _ = d.Decode(tt.frame, tt.wire, tt.link, p) }); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}
