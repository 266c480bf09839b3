package ebpfnet

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/plugins"
)

// TestMultipath: subflows of MPTCP are TCP connections, and exact.
func TestMultipath(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	if _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP); err != nil {
		t.Skipf("needs MPTCP in the kernel: %v", err)
	}
	watch := observe(t, w, nil)
	l := server.do(order{Do: "listen", Addr: w.far.addr(false, 0), Kind: "mptcp"})
	port := portOf(t, l.Addr)
	c := client.do(order{Do: "dial", Addr: l.Addr, Kind: "mptcp"}).ID
	s := server.accept(l.ID)
	client.write(c, 1234)
	server.read(s, 1234)
	watch.report()
	if got := watch.sum(incoming, port); got.pid != server.pid {
		t.Errorf("incoming: owner %d, want %d, found through the open file", got.pid, server.pid)
	}
	client.close(c)
	server.awaitEnd(s)
	server.close(s)
	watch.closed(port, 1)
	check(t, watch.sum(outgoing, port), reported{direction: outgoing, established: 1, closed: 1, written: 1234, pid: client.pid})
	check(t, watch.sum(incoming, port), reported{direction: incoming, established: 1, closed: 1, read: 1234, pid: server.pid})
}

func TestLoopback(t *testing.T) {
	for _, include := range []bool{false, true} {
		w := newWorld(t)
		a := w.near.start(t)
		watch := observe(t, w, func(c *plugins.EBPF) { c.IncludeLoopback = include })
		for _, host := range []string{"127.0.0.1", "::1"} {
			l, addr := a.listen(net.JoinHostPort(host, "0"))
			c := a.dial(addr)
			s := a.accept(l)
			a.close(c)
			a.close(s)
			want := int64(0)
			if include {
				want = 1
				watch.closed(portOf(t, addr), 1)
			}
			watch.report()
			if got := watch.sum(outgoing, portOf(t, addr)).closed; got != want {
				t.Errorf("include_loopback=%v: %d connections to %s reported", include, got, addr)
			}
		}
		if n := tableEntries(t, watch); n != 0 {
			t.Errorf("%d records left over", n)
		}
	}
}

func TestIPv6Disabled(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observe(t, w, func(c *plugins.EBPF) { c.IPv6Disabled = true })
	for _, v6 := range []bool{true, false} {
		l, addr := server.listen(w.far.addr(v6, 0))
		c := client.dial(addr)
		s := server.accept(l)
		client.close(c)
		server.awaitEnd(s)
		server.close(s)
		if !v6 {
			watch.closed(portOf(t, addr), 1)
		}
		watch.report()
		if got, want := watch.sum(outgoing, portOf(t, addr)).closed == 1, !v6; got != want {
			t.Errorf("IPv6 %v: reported %v", v6, got)
		}
	}
}

// TestMapped: a server on [::] sees IPv4 clients as ::ffff:a.b.c.d.
func TestMapped(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observe(t, w, func(c *plugins.EBPF) { c.IPv6Disabled = true })
	l, addr := server.listen("[::]:0")
	port := portOf(t, addr)
	c := client.dial(w.far.addr(false, port))
	s := server.accept(l)
	client.close(c)
	server.awaitEnd(s)
	server.close(s)
	watch.closed(port, 1)
	if got := watch.sum(incoming, port); got.dst != w.near.V4+":*" {
		t.Errorf("the client is %s, want %s", got.dst, w.near.V4)
	}
}
