package netlog

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/packet"
)

func TestLimiter(t *testing.T) {
	l := newLimiter(10)
	count := func(now int64, tries int) (n int) {
		for range tries {
			if l.allow(now) {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		at    int64
		tries int
		want  int
	}{
		{1000 * second, 50, 10},                 // a second's worth at once
		{1000*second + second/2, 50, 5},         // and then the rate
		{1000 * second, 50, 0},                  // time that goes back gives nothing
		{1000*second + second/2 + 1, 50, 0},     //
		{5000 * second, 50, 10},                 // silence gives a second's worth
		{5000*second + second/10 + 1000, 50, 1}, //
	} {
		if got := count(step.at, step.tries); got != step.want {
			t.Errorf("at %d: %d allowed, want %d", step.at, got, step.want)
		}
	}
	if !newLimiter(0).allow(1) {
		t.Error("no limit limits")
	}
}

// blocked is a sink that takes nothing until it is told to.
type blocked struct {
	release chan struct{}
	fail    error
	fed     int
}

func (b *blocked) Feed(ctx context.Context, _ point.Category, pts []point.Point) error {
	select {
	case <-b.release:
	case <-ctx.Done():
		return ctx.Err()
	}
	if b.fail == nil {
		b.fed += len(pts)
	}
	return b.fail
}

// A sink that is slow holds nobody up: what does not fit is dropped.
func TestOutlet(t *testing.T) {
	for name, fail := range map[string]error{"slow": nil, "failing": errors.New("gone")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, sink := newOutlet(), &blocked{release: make(chan struct{}), fail: fail}
				done := make(chan error, 1)
				go func() { done <- o.run(t.Context(), sink) }()
				o.put(make([]point.Point, 3))
				synctest.Wait() // the first batch waits in the sink
				for range outletBatches + 5 {
					o.put(make([]point.Point, 2))
				}
				if got := o.dropped.Load(); got != 10 {
					t.Errorf("%d dropped, want 10", got)
				}
				close(sink.release)
				o.close()
				err := <-done
				if !errors.Is(err, fail) {
					t.Errorf("error is %v", err)
				}
				taken, fed, dropped, failed := o.taken.Load(), o.fed.Load(), o.dropped.Load(), o.failed.Load()
				if taken != 3+2*(outletBatches+5) || taken != fed+dropped+failed || dropped != 10 || (failed > 0) != (fail != nil) || int(fed) != sink.fed {
					t.Errorf("%d taken, %d fed, %d dropped, %d failed, the sink has %d", taken, fed, dropped, failed, sink.fed)
				}
			})
		})
	}
}

// What is logged after a silence has the rate of now, not of its own time.
func TestRateAfterSilence(t *testing.T) {
	cfg := settings()
	taps, err := newTapConfig(cfg.Program, cfg.Table, time.Now)
	must(t, err)
	points := 0
	tap := newTap(cfg.On, taps, func(point.Point) { points++ })
	at := int64(1000 * second)
	tap.packet(&packet.Packet{Time: at, Dir: packet.Tx, Proto: packet.ProtoUDP, Src: addr("10.0.0.1"), SrcPort: 1, Dst: addr("10.0.0.2"), DstPort: 9})
	for taps.allow(at) { // others use up what there is
	}
	tap.tick(at + 180*second)
	if points != 1 {
		t.Errorf("%d points, %+v", points, tap.totals().log)
	}
}

func TestDirect(t *testing.T) {
	other := [6]byte{2, 9, 9, 9, 9, 9}
	frame := func(dst, src [6]byte) []byte { return append(append([]byte{}, dst[:]...), src[:]...) }
	owns := func(a netip.Addr) bool { return a == addr("10.0.0.1") }
	for name, tc := range map[string]struct {
		on   Interface
		p    packet.Packet
		want packet.Direction
	}{
		"from our MAC":          {Interface{MAC: clientMAC}, packet.Packet{Link: packet.LinkEthernet, Frame: frame(other, clientMAC)}, packet.Tx},
		"to our MAC":            {Interface{MAC: clientMAC}, packet.Packet{Link: packet.LinkEthernet, Frame: frame(clientMAC, other)}, packet.Rx},
		"neither":               {Interface{MAC: clientMAC}, packet.Packet{Link: packet.LinkEthernet, Frame: frame(other, serverMAC)}, packet.Unknown},
		"raw, from our address": {Interface{MAC: clientMAC, Owns: owns}, packet.Packet{Link: packet.LinkRaw, Src: addr("10.0.0.1"), Dst: addr("10.0.0.9")}, packet.Tx},
		"raw, to our address":   {Interface{Owns: owns}, packet.Packet{Link: packet.LinkRaw, Src: addr("10.0.0.9"), Dst: addr("10.0.0.1")}, packet.Rx},
		"raw, forwarded":        {Interface{Owns: owns}, packet.Packet{Link: packet.LinkRaw, Src: addr("10.0.0.9"), Dst: addr("10.0.0.8")}, packet.Unknown},
		"nothing known":         {Interface{}, packet.Packet{Link: packet.LinkEthernet, Frame: frame(other, clientMAC)}, packet.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			tc.on.direct(&tc.p)
			if tc.p.Dir != tc.want {
				t.Errorf("%v, want %v", tc.p.Dir, tc.want)
			}
		})
	}
}

func TestOwn(t *testing.T) {
	on := Interface{MAC: clientMAC, Owns: func(a netip.Addr) bool { return a == addr("10.0.0.1") }}
	for name, tc := range map[string]struct {
		src, dst       string
		srcMAC, dstMAC [6]byte
		local, want    bool
	}{
		"sent":             {"10.0.0.1", "10.0.0.2", clientMAC, serverMAC, true, true},
		"received":         {"10.0.0.2", "10.0.0.1", serverMAC, clientMAC, false, true},
		"forwarded":        {"10.0.0.9", "10.0.0.2", clientMAC, serverMAC, true, false},
		"bridged":          {"10.0.0.1", "10.0.0.2", [6]byte{2, 7}, serverMAC, true, false},
		"no Ethernet":      {"10.0.0.1", "10.0.0.2", [6]byte{}, [6]byte{}, true, true},
		"to all neighbors": {"10.0.0.2", "224.0.0.1", serverMAC, [6]byte{1, 0, 0x5e}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := packet.Packet{Src: addr(tc.src), Dst: addr(tc.dst), SrcMAC: tc.srcMAC, DstMAC: tc.dstMAC}
			if got := on.own(&p, tc.local); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}

// A tag that the kernel took off a frame is in the file again.
func TestTagged(t *testing.T) {
	untagged := append(append(append([]byte{}, serverMAC[:]...), clientMAC[:]...), 8, 0, 0x45)
	inner := append(append(append([]byte{}, serverMAC[:]...), clientMAC[:]...), 0x81, 0, 0, 7, 8, 0, 0x45)
	for name, tc := range map[string]struct {
		frame []byte
		vlan  [2]uint16
		link  packet.LinkType
		want  []byte
	}{
		"no VLAN":           {untagged, [2]uint16{}, packet.LinkEthernet, untagged},
		"one, taken off":    {untagged, [2]uint16{7, 0}, packet.LinkEthernet, inner},
		"one, in the frame": {inner, [2]uint16{7, 0}, packet.LinkEthernet, inner},
		"outer taken off": {inner, [2]uint16{5, 7}, packet.LinkEthernet,
			append(append(append([]byte{}, untagged[:12]...), 0x88, 0xa8, 0, 5), inner[12:]...)},
		"raw": {untagged, [2]uint16{7, 0}, packet.LinkRaw, untagged},
	} {
		t.Run(name, func(t *testing.T) {
			got, added := tagged(&packet.Packet{Link: tc.link, Frame: tc.frame, VLAN: tc.vlan})
			if !bytes.Equal(got, tc.want) || added != len(tc.want)-len(tc.frame) {
				t.Errorf("%x, %d added; want %x", got, added, tc.want)
			}
		})
	}
}

// The source of a rule is the interface's side, whichever way a packet went.
func TestBlacklistSides(t *testing.T) {
	for rule, want := range map[string]bool{
		"src_port == 40000": true, "dst_port == 80": true, "ip_saddr == '10.0.0.1'": true, "src_port == 80": false,
		"tcp && vni == 7": true, "udp": false, "vlan == 5": true, "nic == 'eth0'": true, "src_mac == '02:00:00:00:00:01'": true, "ipv6": false,
	} {
		program, err := filter.Compile(rule)
		if err != nil {
			t.Fatal(rule, err)
		}
		b := newBlacklist(program, &Interface{Name: "eth0"})
		sent := packet.Packet{
			Dir: packet.Tx, Proto: packet.ProtoTCP, Src: addr("10.0.0.1"), SrcPort: 40000, Dst: addr("10.0.0.2"), DstPort: 80,
			SrcMAC: clientMAC, DstMAC: serverMAC, VLAN: [2]uint16{5, 0}, Tunnel: packet.VXLAN, VNI: 7,
		}
		received := sent
		received.Dir = packet.Rx
		received.Src, received.SrcPort, received.SrcMAC, received.Dst, received.DstPort, received.DstMAC = sent.Dst, sent.DstPort, sent.DstMAC, sent.Src, sent.SrcPort, sent.SrcMAC
		if b.drops(&sent) != want || b.drops(&received) != want {
			t.Errorf("%s: sent %v, received %v, want %v", rule, b.drops(&sent), b.drops(&received), want)
		}
	}
	if newBlacklist(nil, &Interface{}).drops(&packet.Packet{}) {
		t.Error("no rules drop something")
	}
}

func TestGeometry(t *testing.T) {
	for size, want := range map[config.Size][2]int{
		32 << 20: {512 << 10, 64}, 4 << 20: {512 << 10, 8}, 1 << 20: {128 << 10, 8}, 256 << 10: {64 << 10, 4},
	} {
		block, blocks := geometry(size)
		if [2]int{block, blocks} != want {
			t.Errorf("%v: %d blocks of %d, want %v", size, blocks, block, want)
		}
	}
}

// script is a source whose Next does what it is told.
type script struct {
	steps  []func(func(*packet.Packet)) (int, error)
	closed atomic.Bool
}

func (s *script) Next(do func(*packet.Packet)) (int, error) {
	if len(s.steps) == 0 {
		time.Sleep(pollTime)
		if s.closed.Load() {
			return 0, os.ErrClosed
		}
		return 0, nil
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	return step(do)
}

func (s *script) Stats() capture.Stats { return capture.Stats{Received: 1, Delivered: 1} }
func (s *script) Close() error         { s.closed.Store(true); return nil }

// A capture goes on when its interface comes up again, ends idle connections
// by the clock, and takes what is in the ring when it is stopped.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		taps, err := newTapConfig(cfg.Program, cfg.Table, time.Now)
		must(t, err)
		packetAt := func(port uint16) func(func(*packet.Packet)) (int, error) {
			return func(do func(*packet.Packet)) (int, error) {
				do(&packet.Packet{Time: time.Now().UnixNano(), Dir: packet.Tx, Proto: packet.ProtoUDP, Src: addr("10.0.0.1"), SrcPort: port, Dst: addr("10.0.0.2"), DstPort: 9})
				return 1, nil
			}
		}
		source := &script{steps: []func(func(*packet.Packet)) (int, error){
			packetAt(1), func(func(*packet.Packet)) (int, error) { return 0, capture.ErrDown }, packetAt(2),
		}}
		out := newOutlet()
		l := newLive(source, cfg.On, taps, out, time.Now)
		done := make(chan error, 1)
		go func() { done <- l.run() }()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if s := l.totals.Load().track; s.Opened != 2 || s.Open != 0 {
			t.Errorf("%+v", s)
		}
		l.wanted.Store(1)
		time.Sleep(time.Second)
		synctest.Wait()
		if l.reported.Load() != 1 {
			t.Error("flows were not brought up to date")
		}
		l.stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := out.taken.Load(); n != 2 {
			t.Errorf("%d points, want one per flow of UDP", n)
		}
	})
}
