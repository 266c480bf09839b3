package ebpfnet

import (
	"strings"
	"testing"

	"datakit.dev/agent/internal/nettest"
)

// near and far run an application in each namespace of a new world, the far
// one listening.
func pair(t *testing.T) (w *world, client, server *app, listener int, addr string) {
	t.Helper()
	w = newWorld(t)
	client, server = w.near.start(t), w.far.start(t)
	listener, addr = server.listen(w.far.addr(false, 0))
	return w, client, server, listener, addr
}

// check compares everything that is counted.
func check(t *testing.T, got, want reported) {
	t.Helper()
	got = reported{direction: got.direction, established: got.established, closed: got.closed,
		written: got.written, read: got.read, pid: got.pid}
	if got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestRefusedIsNotEstablished(t *testing.T) {
	w := newWorld(t)
	client := w.near.start(t)
	watch := observe(t, w, nil)
	if r := client.try(order{Do: "dial", Addr: w.far.addr(false, 9)}); !strings.Contains(r.Err, "refused") {
		t.Fatalf("connected to nothing: %+v", r)
	}
	watch.report()
	if len(watch.flows) != 0 {
		t.Errorf("reported %+v", watch.flows)
	}
	if n := tableEntries(t, watch); n != 0 {
		t.Errorf("%d records left over", n)
	}
}

func TestTimedOutIsNotEstablished(t *testing.T) {
	w := newWorld(t)
	w.near.Sysctl(t, "net/ipv4/tcp_syn_retries", "1")
	client := w.near.start(t)
	handle := w.near.Handle(t)
	// A neighbour that swallows everything.
	link, err := handle.LinkByName("near")
	must(t, err)
	must(t, handle.NeighAdd(deafNeighbour(link.Attrs().Index)))
	watch := observe(t, w, nil)
	if r := client.try(order{Do: "dial", Addr: "10.78.0.77:80"}); r.Err == "" {
		t.Fatal("connected to nothing")
	}
	watch.report()
	if len(watch.flows) != 0 || tableEntries(t, watch) != 0 {
		t.Errorf("reported %+v, %d records left over", watch.flows, tableEntries(t, watch))
	}
}

func TestKilledProcess(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, nil)
	c, port := client.dial(addr), portOf(t, addr)
	s := server.accept(listener)
	client.write(c, 1000)
	server.read(s, 1000)
	pid := client.pid
	client.kill()
	server.awaitEnd(s)
	server.close(s)
	watch.closed(port, 1)
	check(t, watch.sum(outgoing, port), reported{direction: outgoing, established: 1, closed: 1, written: 1000, pid: pid})
	check(t, watch.sum(incoming, port), reported{direction: incoming, established: 1, closed: 1, read: 1000, pid: server.pid})
}

// TestLive reads a connection while it lives, interval by interval.
func TestLive(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, nil)
	c, port := client.dial(addr), portOf(t, addr)
	s := server.accept(listener)
	for range 3 {
		client.write(c, 700)
		server.read(s, 700)
		watch.flows = nil
		watch.report()
		if got := watch.sum(outgoing, port); got.written != 700 || got.closed != 0 || got.pid != client.pid {
			t.Errorf("outgoing: %+v", got)
		}
		if got := watch.sum(incoming, port); got.read != 700 || got.closed != 0 || got.pid != server.pid {
			t.Errorf("incoming: %+v", got)
		}
	}
	watch.flows = nil
	watch.report()
	if len(watch.flows) != 0 {
		t.Errorf("an idle connection is reported: %+v", watch.flows)
	}
	if got, want := watch.balanced().Held[0].Count, int64(2); got != want {
		t.Errorf("%d connections in the table, want %d", got, want)
	}
}

// TestOpenBefore connects before the plugin starts: what happened until then
// is not reported, what follows is, and neither end counts as established.
func TestOpenBefore(t *testing.T) {
	for _, version := range []string{"IPv4", "IPv6"} {
		t.Run(version, func(t *testing.T) {
			w := newWorld(t)
			client, server := w.near.start(t), w.far.start(t)
			listener, addr := server.listen(w.far.addr(version == "IPv6", 0))
			c, port := client.dial(addr), portOf(t, addr)
			s := server.accept(listener)
			client.write(c, 5000)
			server.read(s, 5000)
			server.write(s, 300)
			client.read(c, 100) // 200 stay in the queue

			watch := observe(t, w, nil)
			watch.report()
			if len(watch.flows) != 0 {
				t.Fatalf("what came before is reported: %+v", watch.flows)
			}
			client.write(c, 11)
			server.read(s, 11)
			client.read(c, 200)
			watch.report()
			check(t, watch.sum(outgoing, port), reported{direction: outgoing, written: 11, read: 200, pid: client.pid})
			check(t, watch.sum(incoming, port), reported{direction: incoming, read: 11, pid: server.pid})
			client.write(c, 7)
			client.close(c)
			server.read(s, 7)
			server.awaitEnd(s)
			server.close(s)
			watch.closed(port, 1)
			check(t, watch.sum(outgoing, port), reported{direction: outgoing, closed: 1, written: 18, read: 200, pid: client.pid})
			check(t, watch.sum(incoming, port), reported{direction: incoming, closed: 1, read: 18, pid: server.pid})
			if a := watch.balanced(); a.In[1].Count != 2 {
				t.Errorf("found %d connections, want 2", a.In[1].Count)
			}
		})
	}
}

// TestListenedBefore starts the plugin after the server.
func TestListenedBefore(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, nil)
	c, port := client.dial(addr), portOf(t, addr)
	s := server.accept(listener)
	client.close(c)
	server.awaitEnd(s)
	server.close(s)
	watch.closed(port, 1)
	check(t, watch.sum(outgoing, port), reported{direction: outgoing, established: 1, closed: 1, pid: client.pid})
	check(t, watch.sum(incoming, port), reported{direction: incoming, established: 1, closed: 1, pid: server.pid})
	if got, want := watch.sum(incoming, port).netns, w.far.inode(t); !strings.Contains(got, ":"+want+")") {
		t.Errorf("netns %s, want the inode %s", got, want)
	}
}

// TestUnaccepted leaves a connection in the queue of a listener that closes.
func TestUnaccepted(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observe(t, w, nil)
	l := server.do(order{Do: "backlog", Addr: w.far.addr(false, 0)})
	c, port := client.dial(l.Addr), portOf(t, l.Addr)
	client.write(c, 100)
	for range maxSearches + 1 {
		watch.report()
	}
	check(t, watch.sum(incoming, port), reported{direction: incoming, established: 1})
	server.close(l.ID)
	client.awaitEnd(c)
	client.close(c)
	watch.closed(port, 1)
	check(t, watch.sum(incoming, port), reported{direction: incoming, established: 1, closed: 1})
	check(t, watch.sum(outgoing, port), reported{direction: outgoing, established: 1, closed: 1, written: 100, pid: client.pid})
}

// TestReconnect dissolves the association of a socket and connects it anew.
func TestReconnect(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, nil)
	c := client.do(order{Do: "connect", Addr: addr}).ID
	port := portOf(t, addr)
	for i := range 3 {
		if i > 0 {
			client.do(order{Do: "disconnect", ID: c})
			client.do(order{Do: "connect", ID: c, Addr: addr})
		}
		s := server.accept(listener)
		client.do(order{Do: "rawwrite", ID: c, N: 100 * (i + 1)})
		server.read(s, 100*(i+1))
		server.write(s, 10)
		client.do(order{Do: "rawread", ID: c, N: 10})
		if i == 1 {
			watch.report() // one of the three is met while it lives
		}
	}
	client.close(c)
	nettest.Eventually(t, "all have ended", func() bool { watch.report(); return watch.sum(outgoing, port).closed == 3 })
	check(t, watch.sum(outgoing, port), reported{direction: outgoing, established: 3, closed: 3, written: 600, read: 30, pid: client.pid})
}

// TestTupleReuse connects from the same port again while the last connection
// is in TIME_WAIT.
func TestTupleReuse(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	w.near.Sysctl(t, "net/ipv4/tcp_tw_reuse", "1")
	watch := observe(t, w, nil)
	port := portOf(t, addr)
	const rounds = 3
	for i := range rounds {
		c := client.do(order{Do: "connect", Addr: addr, Kind: "reuse", N: 45000}).ID
		s := server.accept(listener)
		client.do(order{Do: "rawwrite", ID: c, N: 100})
		server.read(s, 100)
		// The server goes first, so that TIME_WAIT is on its side: a new
		// SYN there takes the place of the old connection.
		server.close(s)
		client.close(c)
		nettest.Eventually(t, "it has ended", func() bool { watch.report(); return watch.sum(outgoing, port).closed == int64(i+1) })
	}
	watch.closed(port, rounds)
	check(t, watch.sum(outgoing, port), reported{direction: outgoing, established: rounds, closed: rounds, written: 300, pid: client.pid})
	check(t, watch.sum(incoming, port), reported{direction: incoming, established: rounds, closed: rounds, read: 300, pid: server.pid})
}
