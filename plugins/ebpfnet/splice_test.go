package ebpfnet

import (
	"io"
	"net"
	"testing"
)

// forward listens at addr and passes every connection on to another address.
// Between TCP sockets io.Copy is splice(2): no payload enters the process.
func forward(addr, to string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go pass(out.(*net.TCPConn), in.(*net.TCPConn))
			go pass(in.(*net.TCPConn), out.(*net.TCPConn))
		}
	}()
	return l, nil
}

func pass(to, from *net.TCPConn) {
	_, _ = io.Copy(to, from)
	_ = to.CloseWrite()
}

// TestSplice: a process that passes HTTP on without reading it is seen on
// both of its sides.
func TestSplice(t *testing.T) {
	w := newWorld(t)
	client, proxy, server := w.near.start(t), w.far.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	n := 2000
	if emulated() {
		n = 100
	}
	s := server.do(order{Do: "http serve", Addr: w.far.addr(false, 0)})
	p := proxy.do(order{Do: "forward", Addr: w.far.addr(false, 0), Kind: s.Addr})
	got := client.do(order{Do: "http fetch", Addr: p.Addr + " /a /status/404 /bytes/100000 /chunks/3", N: n, ID: 4}).Log
	log := server.do(order{Do: "http log", ID: s.ID}).Log
	compare(t, "client and server", got, log)
	watch.report()
	for _, at := range []struct {
		name, direction, addr string
		who                   *app
	}{
		{"client", outgoing, p.Addr, client}, {"proxy's clients", incoming, p.Addr, proxy},
		{"proxy's server", outgoing, s.Addr, proxy}, {"server", incoming, s.Addr, server},
	} {
		seen, pids := watch.counts(at.direction, portOf(t, at.addr))
		compare(t, at.name, seen, log)
		compare(t, at.name+": owner", pids, map[string]int{owner(t, at.who.pid): n})
	}
}
