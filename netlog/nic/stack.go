package nic

import (
	"net/netip"
	"slices"
)

// stack gives the captured interfaces the addresses of those on top of them
// that are not captured: a bridge or bond has the addresses of its ports, a
// VLAN those of tagged frames.
//
//	br0 10.0.0.1        bond0.5 10.0.5.1
//	 └ eth0              └ bond0
//	                        ├ eth1     eth1 and eth2 carry what is from 10.0.5.1,
//	                        └ eth2     each packet one of them
//
// It leaves alone what is captured and not among all, which was told before.
func stack(all []*NIC, captured map[key]*NIC) {
	on := map[key][]*NIC{} // what stands on an interface
	byKey := map[key]*NIC{}
	for _, n := range all {
		byKey[n.key()] = n
	}
	for _, n := range all {
		if master := byKey[key{n.Space.Inode, n.master}]; master != nil {
			on[n.key()] = append(on[n.key()], master)
		}
		if n.parent != 0 && n.parentNSID < 0 && n.Kind != kindVeth {
			under := key{n.Space.Inode, n.parent}
			on[under] = append(on[under], n)
		}
	}
	for _, n := range all {
		if captured[n.key()] != n {
			continue
		}
		var addrs []netip.Addr
		met := map[key]bool{}
		var climb func(*NIC)
		climb = func(o *NIC) {
			if met[o.key()] || o != n && captured[o.key()] != nil {
				return
			}
			met[o.key()] = true
			addrs = append(addrs, o.own...)
			for _, upper := range on[o.key()] {
				climb(upper)
			}
		}
		climb(n)
		slices.SortFunc(addrs, netip.Addr.Compare)
		n.Addrs = slices.Compact(addrs)
	}
}
