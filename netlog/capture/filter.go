package capture

import (
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/netlog/packet"
)

// Filter is a program that the kernel runs on each frame before it takes room
// in the ring. The result is how many bytes to keep, 0 for none. The frame
// begins with its Ethernet header, or on interfaces of another kind with its
// IP header; VLAN tags that the kernel took off are not in it.
//
// A classic program runs on what the base filter keeps and should return the
// snap length. A program of eBPF replaces the base filter.
type Filter struct {
	Classic []bpf.RawInstruction
	Counter []bpf.RawInstruction // keeps what Classic drops: Stats.Filtered is how much that is
	Program *ebpf.Program        // of type SocketFilter; stays the caller's
}

// base is the filter that keeps what can be tracked: TCP, UDP and ICMP over
// IP. It keeps what it does not look into: tagged frames, IPv6 packets with
// extension headers, GRE and IP in IP. Frames it keeps go on behind its end.
//
//	ethertype or version ─┬─ tag ─────────────────────────────────► end
//	                      ├─ IPv4 ─► protocol ─── tracked, tunnel ► end
//	                      ├─ IPv6 ─► next header ─ or extension ──► end
//	                      └─ drop       └─ drop
func base(link packet.LinkType) []bpf.Instruction {
	const (
		ipv4, ipv6         = 0x0800, 0x86dd
		vlan, qinq, oldTag = 0x8100, 0x88a8, 0x9100

		hopByHop, routing, fragment, authentication, options, mobility, hip, shim6 = 0, 43, 44, 51, 60, 135, 139, 140

		inIPv4, inIPv6, gre = 4, 41, 47
	)
	header := uint32(0) // where that of IP begins
	kind := []bpf.Instruction{bpf.LoadAbsolute{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4}}
	four, six, tags := uint32(4), uint32(6), []uint32(nil)
	if link == packet.LinkEthernet {
		header = 14
		kind = []bpf.Instruction{bpf.LoadAbsolute{Off: 12, Size: 2}}
		four, six, tags = ipv4, ipv6, []uint32{vlan, qinq, oldTag}
	}
	v6 := append([]bpf.Instruction{bpf.LoadAbsolute{Off: header + 6, Size: 1}},
		jumps(0, packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMPv6, inIPv4, inIPv6, gre,
			hopByHop, routing, fragment, authentication, options, mobility, hip, shim6)...)
	v6 = append(v6, bpf.RetConstant{Val: 0})
	v4 := append([]bpf.Instruction{bpf.LoadAbsolute{Off: header + 9, Size: 1}},
		jumps(len(v6), packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP, inIPv4, inIPv6, gre)...)
	v4 = append(v4, bpf.RetConstant{Val: 0})

	program := append(kind, jumps(1+1+len(v4)+len(v6), tags...)...)
	program = append(program, jumps(1+len(v4), six)...)
	program = append(program, jumps(0, four)...)
	program = append(program, bpf.RetConstant{Val: 0})
	return append(append(program, v4...), v6...)
}

// jumps compares with each value and jumps, when equal, over the rest of
// them, one more instruction and beyond.
func jumps(beyond int, values ...uint32) []bpf.Instruction {
	var all []bpf.Instruction
	for i, v := range values {
		all = append(all, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: uint8(len(values) - i + beyond)})
	}
	return all
}

// behindBase is a program that runs on what the base filter keeps.
func behindBase(link packet.LinkType, program []bpf.RawInstruction) ([]bpf.RawInstruction, error) {
	raw, err := bpf.Assemble(base(link))
	if err != nil {
		return nil, fmt.Errorf("assemble base filter: %w", err)
	}
	return append(raw, program...), nil
}

// attach makes a socket run the filter from the next frame on.
func (f Filter) attach(fd int, link packet.LinkType, snap int) error {
	if f.Program != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ATTACH_BPF, f.Program.FD()); err != nil {
			return fmt.Errorf("attach socket filter: %w", err)
		}
		return nil
	}
	return attachClassic(fd, link, f.behind(snap))
}

// behind is what runs behind the base filter, for a ring without a program of
// eBPF.
func (f Filter) behind(snap int) []bpf.RawInstruction {
	if f.Classic != nil {
		return f.Classic
	}
	return []bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K, K: uint32(snap)}}
}

// attachClassic makes a socket run a program on what the base filter keeps.
func attachClassic(fd int, link packet.LinkType, program []bpf.RawInstruction) error {
	raw, err := behindBase(link, program)
	if err != nil {
		return err
	}
	if len(raw) > unix.BPF_MAXINSNS {
		return fmt.Errorf("attach socket filter: %d instructions, at most %d are possible", len(raw), unix.BPF_MAXINSNS)
	}
	// bpf.RawInstruction is struct sock_filter of linux/filter.h.
	fprog := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return fmt.Errorf("attach socket filter: %w", err)
	}
	return nil
}
