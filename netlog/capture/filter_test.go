package capture

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/net/bpf"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
)

// header is an IP packet without content, with its protocol.
func header(version, proto int) []byte {
	b := make([]byte, 60)
	b[0] = byte(version<<4 | 5)
	if version == 4 {
		b[9] = byte(proto)
	} else {
		b[6] = byte(proto)
	}
	return b
}

func TestBaseFilter(t *testing.T) {
	ether := func(kind int, b []byte) []byte {
		return append(append(make([]byte, 12), byte(kind>>8), byte(kind)), b...)
	}
	tests := []struct {
		name string
		kind int
		ip   []byte
		keep bool
	}{
		{"TCP", 0x0800, header(4, 6), true},
		{"UDP", 0x0800, header(4, 17), true},
		{"ICMP", 0x0800, header(4, 1), true},
		{"GRE", 0x0800, header(4, 47), true},
		{"IPv4 in IPv4", 0x0800, header(4, 4), true},
		{"IPv6 in IPv4", 0x0800, header(4, 41), true},
		{"SCTP", 0x0800, header(4, 132), false},
		{"ICMPv6 over IPv4", 0x0800, header(4, 58), false},
		{"TCP over IPv6", 0x86dd, header(6, 6), true},
		{"UDP over IPv6", 0x86dd, header(6, 17), true},
		{"ICMPv6", 0x86dd, header(6, 58), true},
		{"ICMP over IPv6", 0x86dd, header(6, 1), false},
		{"GRE over IPv6", 0x86dd, header(6, 47), true},
		{"IPv4 in IPv6", 0x86dd, header(6, 4), true},
		{"IPv6 in IPv6", 0x86dd, header(6, 41), true},
		{"ESP over IPv6", 0x86dd, header(6, 50), false},
		{"hop-by-hop", 0x86dd, header(6, 0), true},
		{"routing", 0x86dd, header(6, 43), true},
		{"fragment", 0x86dd, header(6, 44), true},
		{"authentication", 0x86dd, header(6, 51), true},
		{"destination options", 0x86dd, header(6, 60), true},
		{"mobility", 0x86dd, header(6, 135), true},
		{"host identity", 0x86dd, header(6, 139), true},
		{"shim", 0x86dd, header(6, 140), true},
		{"no next header", 0x86dd, header(6, 59), false},
	}
	for _, tt := range tests {
		if got := runs(t, Filter{}, packet.LinkEthernet, ether(tt.kind, tt.ip)); (got == 2048) != tt.keep {
			t.Errorf("%s in Ethernet: %d, want kept %v", tt.name, got, tt.keep)
		}
		if got := runs(t, Filter{}, packet.LinkRaw, tt.ip); (got == 2048) != tt.keep {
			t.Errorf("%s: %d, want kept %v", tt.name, got, tt.keep)
		}
	}
	for kind, keep := range map[int]bool{0x8100: true, 0x88a8: true, 0x9100: true, 0x0806: false, 0x0026: false, 0x88cc: false} {
		if got := runs(t, Filter{}, packet.LinkEthernet, ether(kind, make([]byte, 60))); (got == 2048) != keep {
			t.Errorf("ethertype %#04x: %d, want kept %v", kind, got, keep)
		}
	}
	if got := runs(t, Filter{}, packet.LinkRaw, header(5, 6)); got != 0 {
		t.Errorf("version 5: %d", got)
	}
	// A program of one's own runs behind it.
	if got := runs(t, Filter{Classic: discard(t)}, packet.LinkEthernet, ether(0x0806, make([]byte, 60))); got != 0 {
		t.Errorf("ARP with another filter: %d", got)
	}
	udp := ether(0x0800, header(4, 17))
	udp[37] = 9
	if got := runs(t, Filter{Classic: discard(t)}, packet.LinkEthernet, udp); got != 200 {
		t.Errorf("port 9: %d", got)
	}
}

// runs is what a filter returns for a frame.
func runs(t *testing.T, f Filter, link packet.LinkType, frame []byte) int {
	t.Helper()
	raw, err := behindBase(link, f.behind(2048))
	must(t, err)
	program, all := bpf.Disassemble(raw)
	if !all {
		t.Fatal("unknown instruction")
	}
	vm, err := bpf.NewVM(program)
	must(t, err)
	n, err := vm.Run(frame)
	must(t, err)
	return n
}

// The base filter keeps exactly what the decoder can decode to TCP, UDP or
// ICMP, of frames without tags and extension headers.
func TestBaseFilterKeepsWhatIsDecoded(t *testing.T) {
	for _, version := range []int{4, 6} {
		for proto := range 256 {
			frame := header(version, proto)
			var d packet.Decoder
			var p packet.Packet
			frame[3], frame[5] = 60, 20 // IPv4: total length; IPv6: payload length
			if version == 4 {
				frame[5] = 0
			}
			frame[32], frame[52] = 0x50, 0x50 // header of TCP, 20 bytes
			err := d.Decode(frame, 0, packet.LinkRaw, &p)
			tracked := err == nil && (p.Proto == packet.ProtoTCP || p.Proto == packet.ProtoUDP || p.Proto == packet.ProtoICMP && version == 4 || p.Proto == packet.ProtoICMPv6 && version == 6)
			if tracked && runs(t, Filter{}, packet.LinkRaw, frame) == 0 {
				t.Errorf("version %d, protocol %d is decoded and not kept", version, proto)
			}
		}
	}
}

// A filter of each kind decides how much of a frame is kept.
func TestFilters(t *testing.T) {
	w := nettest.New(t)
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SocketFilter, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 150), asm.Return()},
	})
	must(t, err)
	defer program.Close()
	b := blaster(t, w, 1, 1000)
	for _, tt := range []struct {
		name     string
		filter   Filter
		captured int
	}{
		{"eBPF", Filter{Program: program}, 150},
		{"classic", Filter{Classic: discard(t)}, 200},
		{"none", Filter{}, 1042},
	} {
		r := open(t, w.Far, Config{Filter: tt.filter})
		sendAll(t, b, 1)
		collect(t, r, 1, func(p *packet.Packet) {
			if p.DstPort == 9 && p.Captured != tt.captured {
				t.Errorf("%s: %d bytes, want %d", tt.name, p.Captured, tt.captured)
			}
		})
	}
}

// What a classic filter drops is counted by its counter, to the last packet,
// and copied nowhere.
func TestCounter(t *testing.T) {
	const count = 3000
	w := nettest.New(t)
	nothing, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
	must(t, err)
	r := open(t, w.Far, Config{Filter: Filter{Classic: nothing, Counter: discard(t)}})
	sendAll(t, blaster(t, w, 10, 1000), count)
	if s := r.Stats(); s.Filtered != count || s.Received != 0 {
		t.Errorf("%d filtered, %d received, want %d and none", s.Filtered, s.Received, count)
	}
	must(t, r.Close())
	if s := r.Stats(); s.Filtered != count {
		t.Errorf("%d filtered after Close", s.Filtered)
	}
}

// A program that the kernel does not take is refused, and nothing is left.
func TestFilterTooLong(t *testing.T) {
	w := nettest.New(t)
	long := make([]bpf.RawInstruction, 5000)
	for name, f := range map[string]Filter{"filter": {Classic: long}, "counter": {Classic: discard(t), Counter: long}} {
		w.Far.In(t, func() error {
			if _, err := Open(Config{Index: w.Far.Link(t).Index, Link: packet.LinkEthernet, Filter: f}); err == nil {
				t.Errorf("%s: attached 5000 instructions", name)
			}
			return nil
		})
	}
}
