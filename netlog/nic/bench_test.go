package nic

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"datakit.dev/agent/internal/nettest"
)

// BenchmarkLook is one look at 30 namespaces with an interface each, as on a
// host with 30 pods.
func BenchmarkLook(b *testing.B) {
	host := nettest.NewHost(b, "unused", "", "")
	all := []*nettest.Host{host}
	handle := host.Handle(b)
	for i := range 30 {
		pod := nettest.NewHost(b, "eth0", fmt.Sprintf("10.80.%d.2", i), fmt.Sprintf("fd80:%x::2", i))
		attrs := netlink.NewLinkAttrs()
		attrs.Name = fmt.Sprintf("veth%d", i)
		must(b, handle.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: pod.Name, PeerNamespace: netlink.NsFd(pod.Descriptor())}))
		host.LinkUp(b, attrs.Name)
		pod.Up(b)
		all = append(all, pod)
	}
	w, err := NewWatcher(Config{FS: fakeProc(b, all...)})
	must(b, err)
	nics := 0
	tell := func(e Event) {
		if e.What == Appeared {
			nics++
		}
	}
	must(b, w.look(tell))
	defer w.leave(func(Event) {})
	if nics != 30 {
		b.Fatalf("%d interfaces of 30", nics)
	}
	b.ReportAllocs()
	for b.Loop() {
		must(b, w.look(tell))
	}
}

func BenchmarkListening(b *testing.B) {
	l := newListeners()
	for port := range uint16(100) {
		l.add(netip.AddrPortFrom(netip.IPv6Unspecified(), port+8000), false)
	}
	n := &Namespace{}
	n.listeners.Store(l)
	local := netip.MustParseAddrPort("10.0.0.1:8050")
	b.ReportAllocs()
	for b.Loop() {
		if !n.Listening(local) {
			b.Fatal("not listening")
		}
	}
}
