package netlog

import (
	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/packet"
)

// blacklist applies the rules of netlog_blacklist to packets.
type blacklist struct {
	program *filter.Program
	packet  filter.Packet // reused
	macs    bool          // some rule asks for MAC addresses
}

// warnings tells where rules may mean something else than their author thinks.
func warnings(program *filter.Program) (all []string) {
	for _, w := range program.Warnings() {
		all = append(all, w.String())
	}
	for _, key := range []string{"k8s_src_pod", "k8s_dst_pod"} {
		if program.Uses(key) {
			all = append(all, key+" is always \"\": pods are not looked up yet")
		}
	}
	return all
}

// newBlacklist returns nil when there are no rules.
func newBlacklist(program *filter.Program, on *Interface) *blacklist {
	if program == nil || program.Len() == 0 {
		return nil
	}
	b := &blacklist{program: program, macs: program.Uses("src_mac") || program.Uses("dst_mac")}
	b.packet.NIC, b.packet.Netns, b.packet.SrcPod = on.Name, on.netns(), on.Pod
	return b
}

// drops reports whether a rule is true of a packet. The source is the
// interface's side.
func (b *blacklist) drops(p *packet.Packet) bool {
	if b == nil {
		return false
	}
	f := &b.packet
	src, dst, srcPort, dstPort, srcMAC, dstMAC := p.Src, p.Dst, p.SrcPort, p.DstPort, p.SrcMAC, p.DstMAC
	if p.Dir == packet.Rx {
		src, dst, srcPort, dstPort, srcMAC, dstMAC = dst, src, dstPort, srcPort, dstMAC, srcMAC
	}
	f.SetAddrs(src, dst)
	f.SetPorts(srcPort, dstPort)
	f.Set(filter.Proto, uint64(p.Proto))
	f.Set(filter.VLAN, uint64(p.VLAN[0]))
	f.Set(filter.InnerVLAN, uint64(p.VLAN[1]))
	f.Set(filter.Tunnel, uint64(p.Tunnel)) // numbered alike
	f.Set(filter.VNI, uint64(p.VNI))
	if b.macs {
		f.SetMACs(srcMAC, dstMAC)
	}
	return b.program.Match(f) >= 0
}
