package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

// TestAsTcpdump: what a ring captures is, packet for packet, what tcpdump
// writes of the same traffic: bulk TCP both ways, over both families, with
// frames longer than the MTU.
func TestAsTcpdump(t *testing.T) {
	w := nettest.New(t)
	path, stop := w.Far.Tcpdump(t, "-s", "256", "tcp or udp")
	r := open(t, w.Far, Config{SnapLen: 256, Wait: 300 * time.Millisecond})
	for _, address := range []string{w.Far.V4, w.Far.V6} {
		transfer(t, w, net.JoinHostPort(address, "0"), 4<<20)
	}
	const end = "the last packet of the test"
	w.Near.In(t, func() error { return say(net.JoinHostPort(w.Far.V4, "9"), end) })
	var live []string
	longest := 0
	for {
		n, err := r.Next(func(p *packet.Packet) {
			live = add(live, p)
			longest = max(longest, p.Wire)
		})
		must(t, err)
		if n == 0 {
			break
		}
	}
	nettest.Eventually(t, "tcpdump has the last packet", func() bool {
		data, err := os.ReadFile(path)
		must(t, err)
		return bytes.Contains(data, []byte(end))
	})
	must(t, stop())
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	reader, err := pcap.NewReader(f)
	must(t, err)
	file := NewFile(reader)
	var dumped []string
	for {
		_, err := file.Next(func(p *packet.Packet) {
			p.Dir = packet.Unknown // pcap does not know
			dumped = add(dumped, p)
		})
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
	}
	if len(live) < 100 || longest <= 1514 {
		t.Errorf("%d packets, the longest of %d bytes: not what was meant to be tested", len(live), longest)
	}
	if s := r.Stats(); s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	live, dumped = before(live, end), before(dumped, end)
	// Packets of two processors may come to each socket in another order.
	slices.Sort(live)
	slices.Sort(dumped)
	if len(live) != len(dumped) {
		t.Fatalf("%d packets, and %d of tcpdump", len(live), len(dumped))
	}
	for i := range live {
		if live[i] != dumped[i] {
			t.Fatalf("packet %d is\n%q\nand to tcpdump\n%q", i, live[i], dumped[i])
		}
	}
}

// before cuts what is behind the line with a text.
func before(lines []string, text string) []string {
	for i, l := range lines {
		if strings.Contains(l, text) {
			return lines[:i+1]
		}
	}
	return lines
}

// add leaves out what the kernels say to each other when they like.
func add(lines []string, p *packet.Packet) []string {
	if p.Proto != packet.ProtoTCP && p.Proto != packet.ProtoUDP {
		return lines
	}
	return append(lines, line(p))
}

// line is all of a packet but its time, and its direction.
func line(p *packet.Packet) string {
	return fmt.Sprint(p.Src, p.SrcPort, p.Dst, p.DstPort, p.Proto, p.TCP.Seq, p.TCP.Ack, p.TCP.Flags, p.TCP.Window, p.TCP.Options, p.PayloadLen, p.Wire,
		p.SrcMAC, p.DstMAC, string(p.Frame[:min(len(p.Frame), 200)]))
}

// say sends one datagram.
func say(address, text string) error {
	c, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.WriteString(c, text)
	return err
}

// transfer sends bytes over a new connection to a listener on the far side,
// and gets them back.
func transfer(t *testing.T, w *nettest.World, address string, size int) {
	t.Helper()
	var l net.Listener
	w.Far.In(t, func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	})
	defer l.Close()
	echoed := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = io.Copy(c, c)
			c.Close()
		}
		echoed <- err
	}()
	var c net.Conn
	w.Near.In(t, func() (err error) {
		c, err = net.Dial("tcp", l.Addr().String())
		return err
	})
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyN(c, zeros{}, int64(size))
		if err == nil {
			err = c.(*net.TCPConn).CloseWrite()
		}
		sent <- err
	}()
	n, err := io.Copy(io.Discard, c)
	must(t, err)
	must(t, <-sent)
	must(t, <-echoed)
	must(t, c.Close())
	if n != int64(size) {
		t.Fatalf("%d of %d bytes came back", n, size)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
