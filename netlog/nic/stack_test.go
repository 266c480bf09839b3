package nic

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/nettest"
)

func TestStack(t *testing.T) {
	space := &Namespace{Inode: 1}
	nic := func(index, master, parent int) *NIC {
		return &NIC{
			Space: space, Index: index, master: master, parent: parent, parentNSID: -1,
			own: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(index)})},
		}
	}
	veth := nic(9, 0, 1)
	veth.Kind = kindVeth
	elsewhere := nic(10, 0, 1)
	elsewhere.parentNSID = 3
	all := []*NIC{
		nic(1, 0, 0),               // hardware
		nic(2, 5, 0),               // port of a bond
		nic(3, 5, 0),               // and the other one
		nic(4, 0, 5),               // VLAN on the bond
		nic(5, 0, 0),               // bond
		nic(6, 0, 1),               // VLAN on hardware
		nic(7, 8, 0), nic(8, 7, 0), // each on top of the other: never, but no reason to hang
		veth, elsewhere,
	}
	tests := []struct {
		captured []int
		want     map[int][]byte
	}{
		{[]int{1, 2, 3}, map[int][]byte{1: {1, 6}, 2: {2, 4, 5}, 3: {3, 4, 5}}},
		{[]int{1, 2, 5}, map[int][]byte{1: {1, 6}, 2: {2}, 5: {4, 5}}},
		{[]int{1, 6, 7}, map[int][]byte{1: {1}, 6: {6}, 7: {7, 8}}},
	}
	for _, tt := range tests {
		captured := map[key]*NIC{}
		for _, n := range all {
			if slices.Contains(tt.captured, n.Index) {
				captured[n.key()] = n
			}
		}
		stack(all, captured)
		for _, n := range captured {
			var got []byte
			for _, a := range n.Addrs {
				got = append(got, a.As4()[3])
			}
			if !slices.Equal(got, tt.want[n.Index]) {
				t.Errorf("captured %v: interface %d has %v, want %v", tt.captured, n.Index, got, tt.want[n.Index])
			}
		}
	}
}

// A port of a bridge has the address of the bridge, as the kernel tells it.
func TestBridge(t *testing.T) {
	w := nettest.New(t)
	handle := w.Near.Handle(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "br0"
	must(t, handle.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
	bridge, err := handle.LinkByName("br0")
	must(t, err)
	port, err := handle.LinkByName("near")
	must(t, err)
	must(t, handle.LinkSetMaster(port, bridge))
	w.Near.LinkUp(t, "br0")
	address, err := netlink.ParseAddr("10.90.0.1/24")
	must(t, err)
	must(t, handle.AddrAdd(bridge, address))
	n := next(t, watch(t, Config{
		FS: fakeProc(t, w.Near), Scope: bpf.Scope{Netns: []uint32{uint32(w.Near.Netns(t).Inode)}},
	}), Appeared, "near")
	for _, want := range []string{"10.78.0.1", "10.90.0.1"} {
		if !slices.Contains(n.Addrs, netip.MustParseAddr(want)) {
			t.Errorf("addresses %v lack %s", n.Addrs, want)
		}
	}
	if text := n.String(); text != fmt.Sprintf("near in net:[%d]", n.Space.Inode) {
		t.Error(text)
	}
}
