package ebpfnet

import (
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/vishvananda/netlink"

	"datakit.dev/agent/internal/nettest"
)

// world is that of nettest, with hosts that start applications.
type world struct{ near, far *host }

type host struct{ *nettest.Host }

func newWorld(t testing.TB) *world {
	t.Helper()
	w := nettest.New(t)
	return &world{&host{w.Near}, &host{w.Far}}
}

// inode is the number of the namespace, as scope_netns takes it.
func (h *host) inode(t testing.TB) string {
	t.Helper()
	return strconv.FormatUint(h.Netns(t).Inode, 10)
}

// addr is one of the host's addresses with a port; port 0 lets the kernel
// choose.
func (h *host) addr(v6 bool, port int) string {
	if v6 {
		return net.JoinHostPort(h.V6, strconv.Itoa(port))
	}
	return net.JoinHostPort(h.V4, strconv.Itoa(port))
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
		LinkIndex: link, State: netlink.NUD_PERMANENT, IP: net.IPv4(10, 78, 0, 77),
		HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 77},
	}
}
