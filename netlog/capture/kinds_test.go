package capture

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
)

// A tag that the kernel has taken off a frame is seen as if it were in it.
func TestTagsComeBack(t *testing.T) {
	w := nettest.New(t)
	near, far := w.Near.Link(t), w.Far.Link(t)
	plain := nettest.UDPFrame(near.HardwareAddr, far.HardwareAddr, 7, 40)
	insert := func(tags string) []byte {
		return append(append(append([]byte(nil), plain[:12]...), tags...), plain[12:]...)
	}
	tests := []struct {
		name  string
		frame []byte
		vlan  [2]uint16
	}{
		{"none", plain, [2]uint16{}},
		{"802.1Q", insert("\x81\x00\x20\x05"), [2]uint16{5}},
		{"802.1ad", insert("\x88\xa8\x00\x07"), [2]uint16{7}},
		{"802.1ad and 802.1Q", insert("\x88\xa8\x00\x07\x81\x00\x00\x09"), [2]uint16{7, 9}},
		{"priority", insert("\x81\x00\xe0\x00"), [2]uint16{}},
	}
	var frames [][]byte
	for _, tt := range tests {
		frames = append(frames, tt.frame)
	}
	r := open(t, w.Far, Config{})
	var b *nettest.Blaster
	w.Near.In(t, func() (err error) {
		b, err = nettest.NewBlaster(near.Index, frames)
		return err
	})
	defer b.Close()
	sendAll(t, b, len(frames))
	i := 0
	collect(t, r, len(frames), func(p *packet.Packet) {
		if p.DstPort != 9 {
			return
		}
		if tt := tests[i]; p.VLAN != tt.vlan || string(p.Frame) != string(tt.frame) || p.Wire != len(tt.frame) || p.PayloadLen != 40 {
			t.Errorf("%s: VLAN %v, % x, %d on the wire; want % x", tt.name, p.VLAN, p.Frame, p.Wire, tt.frame)
		}
		i++
	})
	if i != len(tests) {
		t.Errorf("%d of %d frames", i, len(tests))
	}
}

// The snap length cuts frames and leaves their lengths alone.
func TestSnapLength(t *testing.T) {
	w := nettest.New(t)
	r := open(t, w.Far, Config{SnapLen: 128})
	sendAll(t, blaster(t, w, 1, 1000), 1)
	collect(t, r, 1, func(p *packet.Packet) {
		if p.DstPort == 9 && (p.Captured != 128 || p.Wire != 1042 || p.PayloadLen != 1000 || len(p.Payload) != 128-42) {
			t.Errorf("%d of %d, payload %d of %d", p.Captured, p.Wire, len(p.Payload), p.PayloadLen)
		}
	})
}

// An interface without Ethernet headers: what a process writes into a tun
// device, and what the kernel sends into it.
func TestTun(t *testing.T) {
	w := nettest.New(t)
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun")
	}
	h := w.Near
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "tun7"
	tun := &netlink.Tuntap{LinkAttrs: attrs, Mode: unix.IFF_TUN, Flags: unix.IFF_NO_PI, Queues: 1, NonPersist: true}
	h.In(t, func() error { return netlink.LinkAdd(tun) })
	device := tun.Fds[0]
	defer device.Close()
	h.LinkUp(t, "tun7")
	handle := h.Handle(t)
	link, err := handle.LinkByName("tun7")
	must(t, err)
	address, err := netlink.ParseAddr("10.79.0.1/24")
	must(t, err)
	must(t, handle.AddrAdd(link, address))
	var r *Ring
	h.In(t, func() (err error) {
		r, err = Open(Config{Index: link.Attrs().Index, Link: packet.LinkRaw, Timeout: 10 * time.Millisecond})
		return err
	})
	defer r.Close()

	in := nettest.UDPFrame(make(net.HardwareAddr, 6), make(net.HardwareAddr, 6), 1, 20)[14:]
	_, err = device.Write(in)
	must(t, err)
	h.In(t, func() error {
		c, err := net.Dial("udp4", "10.79.0.2:9")
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("out"))
		return err
	})
	var seen []string
	collect(t, r, 2, func(p *packet.Packet) {
		if p.DstPort == 9 {
			seen = append(seen, fmt.Sprint(p.Dir, " ", p.Src, " ", p.Dst, " ", p.PayloadLen, " ", p.SrcMAC == [6]byte{}))
		}
	})
	want := fmt.Sprint([]string{"rx 10.78.0.1 10.78.0.2 20 true", "tx 10.79.0.1 10.79.0.2 3 true"})
	if fmt.Sprint(seen) != want {
		t.Errorf("saw %v, want %v", seen, want)
	}
}

// On a loopback each packet passes twice and is taken once.
func TestLoopback(t *testing.T) {
	h := nettest.New(t).Near
	lo, err := h.Handle(t).LinkByName("lo")
	must(t, err)
	var r *Ring
	h.In(t, func() (err error) {
		r, err = Open(Config{Index: lo.Attrs().Index, Link: packet.LinkEthernet, Timeout: 10 * time.Millisecond, Loopback: true, Wait: 300 * time.Millisecond})
		if err != nil {
			return err
		}
		c, err := net.Dial("udp4", "127.0.0.1:9")
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("once"))
		return err
	})
	defer r.Close()
	n := 0
	collect(t, r, 2, func(p *packet.Packet) {
		if p.DstPort == 9 {
			n++
			if p.Dir != packet.Rx {
				t.Errorf("direction %v", p.Dir)
			}
		}
	})
	if n != 1 {
		t.Errorf("seen %d times", n)
	}
}

// A ring outlives its interface being down, and says when it is.
func TestDown(t *testing.T) {
	w := nettest.New(t)
	r := open(t, w.Far, Config{Wait: 5 * time.Second})
	handle := w.Far.Handle(t)
	link, err := handle.LinkByName("far")
	must(t, err)
	until(t, r, func() { must(t, handle.LinkSetDown(link)) }, ErrDown)
	must(t, handle.LinkSetUp(link))
	b := blaster(t, w, 1, 40)
	sendAll(t, b, 1)
	n := 0
	for range 100 {
		_, err := r.Next(func(p *packet.Packet) {
			if p.DstPort == 9 {
				n++
			}
		})
		if err != nil && !errors.Is(err, ErrDown) {
			t.Fatal(err)
		}
		if n > 0 {
			break
		}
	}
	if n != 1 {
		t.Errorf("%d packets after it came up again", n)
	}
	// Gone for good: it says so once, and then waits for what never comes.
	until(t, r, func() { must(t, handle.LinkDel(link)) }, ErrDown)
}

// until reads until an error comes, which has to be want.
func until(t *testing.T, r *Ring, do func(), want error) {
	t.Helper()
	do()
	for range 100 {
		if _, err := r.Next(func(*packet.Packet) {}); err != nil {
			if !errors.Is(err, want) {
				t.Fatalf("%v, want %v", err, want)
			}
			return
		}
	}
	t.Fatalf("no error, want %v", want)
}

func TestOpenFails(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: opens packet sockets")
	}
	if _, err := Open(Config{Index: 1 << 30, Link: packet.LinkEthernet}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("no such interface: %v", err)
	}
}
