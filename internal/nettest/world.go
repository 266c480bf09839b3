// Package nettest makes network namespaces for tests, and
// traffic in them. Nothing else is in them but what a test does.
package nettest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
)

// Addresses of the hosts of a World.
const (
	NearV4, FarV4 = "10.78.0.1", "10.78.0.2"
	NearV6, FarV6 = "fd78::1", "fd78::2"
)

// World is two namespaces joined by a veth pair.
//
//	Near: 10.78.0.1, fd78::1 ══ near ══ far ══ Far: 10.78.0.2, fd78::2
type World struct{ Near, Far *Host }

// Host is one namespace with one interface.
type Host struct {
	Name   string // of the interface
	V4, V6 string // its addresses
	ns     netns.NsHandle
}

// New makes a world that ends with the test, which is skipped without root.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{Near: NewHost(t, "near", NearV4, NearV6), Far: NewHost(t, "far", FarV4, FarV6)}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = w.Near.Name
	must(t, w.Near.Handle(t).LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: w.Far.Name, PeerNamespace: netlink.NsFd(int(w.Far.ns))}))
	w.Near.Up(t)
	w.Far.Up(t)
	return w
}

// NewHost makes a namespace with nothing but a loopback, which is up.
func NewHost(t testing.TB, name, v4, v6 string) *Host {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes network namespaces and attaches to the kernel")
	}
	h := &Host{Name: name, V4: v4, V6: v6, ns: netns.None()}
	locked(t, func() error {
		own, err := netns.Get()
		if err != nil {
			return err
		}
		defer own.Close()
		if h.ns, err = netns.New(); err != nil {
			return err
		}
		return netns.Set(own)
	})
	t.Cleanup(func() { h.ns.Close() })
	h.LinkUp(t, "lo")
	return h
}

// Handle speaks netlink in the namespace.
func (h *Host) Handle(t testing.TB) *netlink.Handle {
	t.Helper()
	handle, err := netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE)
	must(t, err)
	t.Cleanup(handle.Close)
	return handle
}

// Up gives the interface its addresses and brings it up.
func (h *Host) Up(t testing.TB) {
	t.Helper()
	handle := h.Handle(t)
	link, err := handle.LinkByName(h.Name)
	must(t, err)
	h.LinkUp(t, h.Name)
	for _, text := range []string{h.V4 + "/24", h.V6 + "/64"} {
		addr, err := netlink.ParseAddr(text)
		must(t, err)
		addr.Flags = unix.IFA_F_NODAD // usable at once
		must(t, handle.AddrAdd(link, addr))
	}
}

// LinkUp brings an interface up.
func (h *Host) LinkUp(t testing.TB, name string) {
	t.Helper()
	handle := h.Handle(t)
	link, err := handle.LinkByName(name)
	must(t, err)
	must(t, handle.LinkSetUp(link))
}

// Link looks the interface up.
func (h *Host) Link(t testing.TB) *netlink.LinkAttrs {
	t.Helper()
	link, err := h.Handle(t).LinkByName(h.Name)
	must(t, err)
	return link.Attrs()
}

// In runs do inside the namespace, on a thread of its own.
func (h *Host) In(t testing.TB, do func() error) {
	t.Helper()
	must(t, h.Netns(t).In(do))
}

// Sysctl sets a value of the namespace, if this kernel has it.
func (h *Host) Sysctl(t testing.TB, name, value string) {
	t.Helper()
	h.In(t, func() error {
		err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
}

// Descriptor is an open file of the namespace.
func (h *Host) Descriptor() int { return int(h.ns) }

// Netns names the namespace as the agent does.
func (h *Host) Netns(t testing.TB) bpf.Netns {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Fstat(int(h.ns), &st))
	return bpf.Netns{Inode: st.Ino, Path: fmt.Sprintf("/proc/self/fd/%d", h.ns)}
}

// locked runs do on a thread that nothing else uses until it is done.
func locked(t testing.TB, do func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := do()
		if err == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	must(t, <-done)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
