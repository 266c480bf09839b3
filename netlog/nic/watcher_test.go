package nic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fakeProc is a /proc with one process in the namespace of each host; the
// first is process 1. Its links read as the kernel's do, and lead there.
func fakeProc(t testing.TB, hosts ...*nettest.Host) hostfs.Root {
	t.Helper()
	root := hostfs.Root{ProcDir: t.TempDir()}
	for i, h := range hosts {
		n := h.Netns(t)
		dir := root.Proc(fmt.Sprint(i+1), "ns")
		must(t, os.MkdirAll(dir, 0o755))
		name := fmt.Sprintf("net:[%d]", n.Inode)
		must(t, os.Symlink(n.Path, filepath.Join(dir, name)))
		must(t, os.Symlink(name, filepath.Join(dir, "net")))
	}
	return root
}

// watch runs a watcher until the test ends; what it tells comes out of the
// channel.
func watch(t *testing.T, c Config) <-chan Event {
	t.Helper()
	c.Gap, c.Interval = time.Millisecond, 20*time.Millisecond
	w, err := NewWatcher(c)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	events, ended := make(chan Event, 100), make(chan error)
	go func() { ended <- w.Run(ctx, func(e Event) { events <- e }) }()
	t.Cleanup(func() { cancel(); must(t, <-ended) })
	return events
}

// next waits for an event of an interface. Changes come at any time: the
// kernel gives out link-local addresses when it likes.
func next(t *testing.T, events <-chan Event, what What, name string) *NIC {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e := <-events:
			if e.What == Changed && what != Changed {
				continue
			}
			if e.What != what || e.NIC.Name != name {
				t.Fatalf("%v %v, want %v %s", e.NIC, e.What, what, name)
			}
			return e.NIC
		case <-deadline:
			t.Fatalf("%s did not become %v", name, what)
		}
	}
}

// An interface from its appearance to its end: addresses, name, down, up, and
// the last process of the namespace.
func TestLife(t *testing.T) {
	w := nettest.New(t)
	proc := fakeProc(t, w.Near, w.Far)
	events := watch(t, Config{FS: proc})

	// The host's end of the pair is seen at its other end.
	n := next(t, events, Appeared, "far")
	link := w.Far.Link(t)
	want := []netip.Addr{netip.MustParseAddr("10.78.0.2"), netip.MustParseAddr("fd78::2")}
	for _, a := range want {
		if !slices.Contains(n.Addrs, a) {
			t.Errorf("addresses %v lack %v", n.Addrs, a)
		}
	}
	if n.Index != link.Index || net.HardwareAddr(n.MAC[:]).String() != link.HardwareAddr.String() || n.Kind != "veth" ||
		n.Link != packet.LinkEthernet || n.Space.Host || n.Space.Inode != w.Far.Netns(t).Inode {
		t.Errorf("%+v", n)
	}

	handle := w.Far.Handle(t)
	device, err := handle.LinkByName("far")
	must(t, err)
	addr, err := netlink.ParseAddr("10.99.0.1/32")
	must(t, err)
	must(t, handle.AddrAdd(device, addr))
	for !slices.Contains(n.Addrs, netip.MustParseAddr("10.99.0.1")) { // a link-local one may come first
		n = next(t, events, Changed, "far")
	}
	must(t, handle.LinkSetDown(device))
	next(t, events, Gone, "far")
	must(t, handle.LinkSetName(device, "away"))
	must(t, handle.LinkSetUp(device))
	n = next(t, events, Appeared, "away")
	must(t, n.Space.In(func() error { // it can be entered
		_, err := net.InterfaceByName("away")
		return err
	}))

	drain(events)
	must(t, os.RemoveAll(proc.Proc("2")))
	for {
		e := <-events
		if e.What == Gone && e.NIC.Name == "away" {
			break
		}
	}
	if err := n.Space.In(func() error { return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("enter what is gone: %v", err)
	}
	next(t, events, Appeared, "near") // now it leads out of what is captured
}

func drain(events <-chan Event) {
	for {
		select {
		case <-events:
		default:
			return
		}
	}
}

// A scope leaves the other namespaces alone; a veth that leads there is not
// seen anywhere else.
func TestScope(t *testing.T) {
	w := nettest.New(t)
	events := watch(t, Config{
		FS:    fakeProc(t, w.Near, w.Far),
		Scope: bpf.Scope{Netns: []uint32{uint32(w.Near.Netns(t).Inode)}},
	})
	if n := next(t, events, Appeared, "near"); !n.Space.Host {
		t.Errorf("%v is not of the host", n)
	}
}

// The namespaces that a mount alone keeps are found too: those of ip-netns(8).
func TestAppearingNamespace(t *testing.T) {
	w := nettest.New(t)
	proc := fakeProc(t, w.Near)
	events := watch(t, Config{FS: proc, Rules: Rules{Include: []string{"fa*"}}})
	n := w.Far.Netns(t)
	root := proc.Proc("1", "root", "run")
	must(t, os.MkdirAll(root, 0o755))
	must(t, os.Symlink(n.Path, filepath.Join(root, "blue")))
	must(t, os.WriteFile(proc.Proc("1", "mountinfo"), fmt.Appendf(nil, "302 25 0:4 net:[%d] /run/blue rw - nsfs nsfs rw\n", n.Inode), 0o644))
	next(t, events, Appeared, "far")
}

// What listens where, as the kernel says in either way; ports of its choice.
func TestListeners(t *testing.T) {
	w := nettest.New(t)
	port := map[string]uint16{}
	w.Near.In(t, func() error {
		for _, address := range []string{"tcp4 0.0.0.0:0", "tcp6 [::]:0", "tcp [::]:0", "tcp4 10.78.0.1:0", "tcp6 [fd78::1]:0"} {
			network, where, _ := strings.Cut(address, " ")
			l, err := net.Listen(network, where)
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
			port[address] = uint16(l.Addr().(*net.TCPAddr).Port)
		}
		return nil
	})
	n := next(t, watch(t, Config{FS: fakeProc(t, w.Near)}), Appeared, "near")
	var proc *Listeners
	w.Near.In(t, func() (err error) {
		proc, err = procListening()
		return err
	})
	const own4, own6, other4, other6 = "10.78.0.1", "fd78::1", "10.78.0.77", "fd78::77"
	tests := []struct {
		socket string
		on     []string
	}{
		{"tcp4 0.0.0.0:0", []string{own4, other4}},
		{"tcp6 [::]:0", []string{own6, other6}}, // IPV6_V6ONLY
		{"tcp [::]:0", []string{own4, own6, other4, other6}},
		{"tcp4 10.78.0.1:0", []string{own4}},
		{"tcp6 [fd78::1]:0", []string{own6}},
	}
	for _, tt := range tests {
		for _, a := range []string{own4, own6, other4, other6} {
			local := netip.AddrPortFrom(netip.MustParseAddr(a), port[tt.socket])
			want := slices.Contains(tt.on, a)
			if got := n.Space.Listening(local); got != want && !(got && noDiag(t)) {
				t.Errorf("%s: listening on %v is %v, want %v", tt.socket, local, got, want)
			}
			if got := proc.Has(local); got != want && tt.socket != "tcp6 [::]:0" {
				t.Errorf("%s: listening on %v is %v in /proc, want %v", tt.socket, local, got, want)
			}
		}
	}
	if n.Space.Listening(netip.AddrPortFrom(netip.MustParseAddr(own4), 1)) {
		t.Error("listening on port 1")
	}
}

// noDiag reports whether the kernel is without sock_diag, so that /proc has to
// do, which does not tell IPV6_V6ONLY.
func noDiag(t *testing.T) bool {
	t.Helper()
	s, err := nl.Subscribe(unix.NETLINK_INET_DIAG)
	if err != nil {
		return true
	}
	defer s.Close()
	_, err = listening(s)
	return err != nil
}

// Nothing is known before the first look.
func TestNotLookedYet(t *testing.T) {
	w := nettest.New(t)
	space, err := openNamespace(w.Near.Netns(t), true)
	must(t, err)
	defer space.close()
	if space.Listening(netip.MustParseAddrPort("10.78.0.1:1")) {
		t.Error("listening")
	}
}

// Interfaces without Ethernet headers are known as such.
func TestTun(t *testing.T) {
	w := nettest.New(t)
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun")
	}
	handle := w.Near.Handle(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "tun7"
	w.Near.In(t, func() error {
		return netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: attrs, Mode: unix.IFF_TUN, Flags: netlink.TUNTAP_DEFAULTS})
	})
	w.Near.LinkUp(t, "tun7")
	link, err := handle.LinkByName("tun7")
	must(t, err)
	n := next(t, watch(t, Config{FS: fakeProc(t, w.Near), Rules: Rules{Include: []string{"tun*"}}}), Appeared, "tun7")
	if n.Link != packet.LinkRaw || n.MAC != [6]byte{} || n.Kind != "tuntap" || n.Index != link.Attrs().Index {
		t.Errorf("%+v", n)
	}
}
