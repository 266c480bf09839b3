package tls

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Addresses of the two ends.
const (
	nearIP, farIP   = "10.78.0.1", "10.78.0.2"
	nearIP6, farIP6 = "fd78::1", "fd78::2"
)

// world is two network namespaces joined by a veth pair: nothing in it but
// what the test does.
type world struct {
	near, far netns.NsHandle
}

func newWorld(t testing.TB) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: attaches kernel programs and makes network namespaces")
	}
	w := &world{near: newNetns(t), far: newNetns(t)}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "near"
	near, err := netlink.NewHandleAt(w.near, unix.NETLINK_ROUTE)
	must(t, err)
	defer near.Close()
	far, err := netlink.NewHandleAt(w.far, unix.NETLINK_ROUTE)
	must(t, err)
	defer far.Close()
	must(t, near.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far", PeerNamespace: netlink.NsFd(int(w.far))}))
	up(t, near, "near", nearIP+"/24", nearIP6+"/64")
	up(t, far, "far", farIP+"/24", farIP6+"/64")
	up(t, near, "lo")
	up(t, far, "lo")
	return w
}

func newNetns(t testing.TB) netns.NsHandle {
	t.Helper()
	var made netns.NsHandle
	must(t, locked(func(own netns.NsHandle) (err error) {
		made, err = netns.New()
		return err
	}))
	t.Cleanup(func() { made.Close() })
	return made
}

func up(t testing.TB, h *netlink.Handle, name string, addresses ...string) {
	t.Helper()
	link, err := h.LinkByName(name)
	must(t, err)
	must(t, h.LinkSetUp(link))
	for _, text := range addresses {
		addr, err := netlink.ParseAddr(text)
		must(t, err)
		addr.Flags = unix.IFA_F_NODAD // usable at once
		must(t, h.AddrAdd(link, addr))
	}
}

// in runs do on a thread inside a namespace; what it starts stays there.
func in(t testing.TB, ns netns.NsHandle, do func() error) {
	t.Helper()
	must(t, locked(func(netns.NsHandle) error {
		if err := netns.Set(ns); err != nil {
			return err
		}
		return do()
	}))
}

// locked runs do on a thread of its own and restores its namespace.
func locked(do func(own netns.NsHandle) error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		own, err := netns.Get()
		if err != nil {
			done <- err
			return
		}
		defer own.Close()
		err = do(own)
		if netns.Set(own) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// inode is the number of a namespace.
func nsInode(t testing.TB, ns netns.NsHandle) uint32 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Fstat(int(ns), &st))
	return uint32(st.Ino)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what another process or the kernel does on its own.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// emulated reports that the test runs in a guest without hardware support.
func emulated() bool { return os.Getenv("VM") != "" }
