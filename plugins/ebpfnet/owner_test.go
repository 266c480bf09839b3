package ebpfnet

import (
	"testing"

	"datakit.dev/agent/internal/nettest"
)

// child starts a process that shares the listener.
func (a *app) child(listener int) *app {
	a.t.Helper()
	path := controlPath(a.t)
	a.do(order{Do: "spawn", ID: listener, Addr: path})
	c := connectApp(a.t, path)
	a.t.Cleanup(c.stop)
	return c
}

// inherited is the number under which a child knows the listener.
const inherited = 1

// TestPrefork: of two processes that share a listener, the one that accepts
// owns the connection.
func TestPrefork(t *testing.T) {
	for _, how := range []string{"accept", "accept0"} {
		t.Run(how, func(t *testing.T) {
			w, client, server, listener, addr := pair(t)
			child := server.child(listener)
			watch := observe(t, w, nil)
			c, port := client.dial(addr), portOf(t, addr)
			s := child.do(order{Do: how, ID: inherited}).ID
			client.write(c, 10)
			client.close(c)
			child.close(s)
			watch.closed(port, 1)
			if got := watch.sum(incoming, port); got.pid != child.pid {
				t.Errorf("owner %d, want the child %d (parent %d)", got.pid, child.pid, server.pid)
			}
		})
	}
}

// TestAcceptedSilently: with accept(fd, NULL, NULL) no hook tells the owner
// of a connection that lives on; the search through open files does.
func TestAcceptedSilently(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, nil)
	client.dial(addr)
	server.do(order{Do: "accept0", ID: listener})
	watch.report()
	if got := watch.sum(incoming, portOf(t, addr)); got.pid != server.pid || got.established != 1 {
		t.Errorf("owner %d, want %d: %+v", got.pid, server.pid, got)
	}
}

// TestPassedSocket: a process that accepts and hands the socket over is not
// the one that served it.
func TestPassedSocket(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	child := server.child(listener)
	watch := observe(t, w, nil)
	c, port := client.dial(addr), portOf(t, addr)
	s := server.accept(listener)
	path := controlPath(t)
	received := make(chan int)
	go func() { received <- child.try(order{Do: "receive", Addr: path}).ID }()
	server.do(order{Do: "send", ID: s, Addr: path})
	passed := <-received
	server.close(s)
	child.write(passed, 42)
	client.read(c, 42)
	child.close(passed)
	client.awaitEnd(c)
	client.close(c)
	watch.closed(port, 1)
	got := watch.sum(incoming, port)
	if got.pid != child.pid || got.written != 42 {
		t.Errorf("owner %d wrote %d, want %d and 42 (it was accepted by %d)", got.pid, got.written, child.pid, server.pid)
	}
}

// TestSharedBefore: of several processes that hold a connection that was
// open before, the lowest pid owns it.
func TestSharedBefore(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	child := server.child(listener)
	c, port := client.dial(addr), portOf(t, addr)
	s := server.accept(listener)
	path := controlPath(t)
	received := make(chan int)
	go func() { received <- child.try(order{Do: "receive", Addr: path}).ID }()
	server.do(order{Do: "send", ID: s, Addr: path})
	<-received
	watch := observe(t, w, nil)
	client.write(c, 10)
	server.read(s, 10)
	watch.report()
	if got, want := watch.sum(incoming, port).pid, min(server.pid, child.pid); got != want {
		t.Errorf("owner %d, want the lower of %d and %d", got, server.pid, child.pid)
	}
}

// TestReadAfterReset: the peer resets, and the application reads on what
// came before.
func TestReadAfterReset(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, nil)
	c, port := client.dial(addr), portOf(t, addr)
	s := server.accept(listener)
	server.write(s, 3000)
	client.read(c, 1000)
	server.reset(s)
	nettest.Eventually(t, "the reset is here", func() bool { watch.report(); return watch.sum(outgoing, port).closed == 1 })
	client.try(order{Do: "read", ID: c, N: 1500})
	client.close(c)
	nettest.Eventually(t, "the table is empty", func() bool { return held(watch.balanced()) == 0 })
	got := watch.sum(outgoing, port)
	if got.closed != 1 || got.read != 1000 && got.read != 2500 {
		t.Errorf("read %d, closed %d", got.read, got.closed)
	}
}
