package nic

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/netlog/packet"
)

// room is a namespace with the sockets that ask about it.
type room struct {
	*Namespace
	handle *netlink.Handle
	diag   *nl.NetlinkSocket // nil without sock_diag
	news   *nl.NetlinkSocket
	done   chan struct{} // closed when nobody reads news any more
	ids    map[uint64]int
}

// enter opens the sockets. poke is called at every message about links or
// addresses, from a goroutine of the room.
func enter(n bpf.Netns, host bool, poke func()) (*room, error) {
	space, err := openNamespace(n, host)
	if err != nil {
		return nil, err
	}
	r := &room{Namespace: space, done: make(chan struct{}), ids: map[uint64]int{}}
	err = r.In(func() (err error) {
		if r.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			return err
		}
		if r.diag, err = nl.Subscribe(unix.NETLINK_INET_DIAG); err != nil {
			r.diag = nil // not in this kernel
		}
		r.news, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR)
		return err
	})
	if err != nil {
		close(r.done)
		r.close()
		return nil, fmt.Errorf("watch network namespace %d: %w", n.Inode, err)
	}
	go r.listen(poke)
	return r, nil
}

// listen ends when news is closed.
func (r *room) listen(poke func()) {
	defer close(r.done)
	for {
		_, _, err := r.news.Receive()
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return // from here on the periodic look alone
		}
		poke()
	}
}

func (r *room) close() {
	if r.handle != nil {
		r.handle.Close()
	}
	if r.diag != nil {
		r.diag.Close()
	}
	if r.news != nil {
		r.news.Close()
	}
	<-r.done
	r.Namespace.close()
}

// interfaces dumps what the namespace has.
func (r *room) interfaces() ([]*NIC, error) {
	links, err := r.handle.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	addrs, err := r.handle.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	byIndex := map[int][]netip.Addr{}
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			byIndex[a.LinkIndex] = append(byIndex[a.LinkIndex], ip.Unmap())
		}
	}
	var all []*NIC
	for _, link := range links {
		a := link.Attrs()
		n := &NIC{
			Space: r.Namespace, Index: a.Index, Name: a.Name, own: byIndex[a.Index], Link: packet.LinkRaw,
			Loopback: a.RawFlags&unix.IFF_LOOPBACK != 0, up: a.RawFlags&unix.IFF_UP != 0,
			master: a.MasterIndex, parent: a.ParentIndex, parentNSID: a.NetNsID,
		}
		if kind := link.Type(); kind != "device" {
			n.Kind = kind
		}
		if len(a.HardwareAddr) == len(n.MAC) {
			n.MAC = [6]byte(a.HardwareAddr)
		}
		if a.EncapType == "ether" || a.EncapType == "loopback" {
			n.Link = packet.LinkEthernet
		}
		all = append(all, n)
	}
	for _, n := range all {
		n.paired = slices.ContainsFunc(all, func(o *NIC) bool { return o.Index == n.master && o.Kind == "" })
	}
	return all, nil
}

// listening finds out what listens: by sock_diag, or by /proc where that is not
// in the kernel.
func (r *room) listening() (l *Listeners, err error) {
	if r.diag != nil {
		if l, err = listening(r.diag); err == nil {
			return l, nil
		}
	}
	err = r.In(func() (err error) {
		l, err = procListening()
		return err
	})
	return l, err
}

// id returns the number by which this namespace knows another one, -1 when it
// has none for it.
func (r *room) id(other *Namespace) (id int) {
	if id, ok := r.ids[other.Inode]; ok {
		return id
	}
	err := other.descriptor(func(fd int) (err error) {
		id, err = r.handle.GetNetNsIdByFd(fd)
		return err
	})
	if err != nil || id < 0 {
		return -1 // it may get one
	}
	r.ids[other.Inode] = id
	return id
}
