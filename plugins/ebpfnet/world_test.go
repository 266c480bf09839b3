package ebpfnet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// world is two network namespaces joined by a veth pair: nothing in it but
// what the test does.
//
//	near: 10.77.0.1, fd77::1 ══ veth ══ far: 10.77.0.2, fd77::2
type world struct{ near, far *host }

// host is one namespace.
type host struct {
	ns     netns.NsHandle
	v4, v6 string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: attaches kernel programs and makes network namespaces")
	}
	w := &world{near: newHost(t, "10.77.0.1", "fd77::1"), far: newHost(t, "10.77.0.2", "fd77::2")}
	near := w.near.handle(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "near"
	must(t, near.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far", PeerNamespace: netlink.NsFd(int(w.far.ns))}))
	w.near.up(t, "near")
	w.far.up(t, "far")
	return w
}

func newHost(t testing.TB, v4, v6 string) *host {
	t.Helper()
	h := &host{ns: netns.None(), v4: v4, v6: v6}
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
	h.up(t, "lo")
	return h
}

func (h *host) handle(t testing.TB) *netlink.Handle {
	t.Helper()
	handle, err := netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE)
	must(t, err)
	t.Cleanup(handle.Close)
	return handle
}

// up brings a link up, with the addresses of the host unless it is lo.
func (h *host) up(t testing.TB, name string) {
	t.Helper()
	handle := h.handle(t)
	link, err := handle.LinkByName(name)
	must(t, err)
	must(t, handle.LinkSetUp(link))
	if name == "lo" {
		return
	}
	for _, text := range []string{h.v4 + "/24", h.v6 + "/64"} {
		addr, err := netlink.ParseAddr(text)
		must(t, err)
		addr.Flags = unix.IFA_F_NODAD // usable at once
		must(t, handle.AddrAdd(link, addr))
	}
}

// in runs do inside the namespace.
func (h *host) in(t testing.TB, do func() error) {
	t.Helper()
	locked(t, func() error {
		own, err := netns.Get()
		if err != nil {
			return err
		}
		defer own.Close()
		if err := netns.Set(h.ns); err != nil {
			return err
		}
		err = do()
		if back := netns.Set(own); back != nil {
			return back
		}
		return err
	})
}

// inode is the number of the namespace, as scope_netns takes it.
func (h *host) inode(t testing.TB) string {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Fstat(int(h.ns), &st))
	return strconv.FormatUint(st.Ino, 10)
}

// sysctl sets a value of the namespace, if this kernel has it.
func (h *host) sysctl(t testing.TB, name, value string) {
	t.Helper()
	h.in(t, func() error {
		err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
}

// addr is one of the host's addresses with a port; port 0 lets the kernel
// choose.
func (h *host) addr(v6 bool, port int) string {
	if v6 {
		return net.JoinHostPort(h.v6, strconv.Itoa(port))
	}
	return net.JoinHostPort(h.v4, strconv.Itoa(port))
}

// locked runs do on a thread that nothing else uses.
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

// portOf is the port of an address as applications print it.
func portOf(t testing.TB, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	must(t, err)
	port, err := strconv.Atoi(text)
	must(t, err)
	if port == 0 {
		t.Fatal(fmt.Errorf("address %s has no port", addr))
	}
	return port
}

// deafNeighbour is an entry for an address at which nobody answers.
func deafNeighbour(link int) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: link, State: netlink.NUD_PERMANENT, IP: net.IPv4(10, 77, 0, 77),
		HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 77},
	}
}
