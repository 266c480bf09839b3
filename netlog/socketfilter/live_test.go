package socketfilter

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/packet"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tally counts packets by what they look like.
type tally map[string]int

func (c tally) add(p *packet.Packet) {
	c[fmt.Sprint(p.Dir, p.Src, p.Dst, p.SrcPort, p.DstPort, p.Proto, p.VLAN, p.SrcMAC, p.DstMAC, p.FragmentOffset, p.Tunnel)]++
}

// against returns how many more of each there are in c.
func (c tally) against(other tally) tally {
	diff := maps.Clone(c)
	for k, n := range other {
		diff[k] -= n
	}
	maps.DeleteFunc(diff, func(_ string, n int) bool { return n == 0 })
	return diff
}

// tracked reports a protocol that netlog follows.
func tracked(p *packet.Packet) bool {
	return p.Proto == protoTCP || p.Proto == protoUDP || p.Proto == protoICMP && p.Src.Is4() || p.Proto == protoICMPv6 && p.Src.Is6()
}

// listen captures on the near side of a world.
func listen(t testing.TB, w *nettest.World, f capture.Filter) *capture.Ring {
	t.Helper()
	var r *capture.Ring
	index := w.Near.Link(t).Index
	w.Near.In(t, func() (err error) {
		r, err = capture.Open(capture.Config{
			Index: index, Link: packet.LinkEthernet, Filter: f, BlockSize: 1 << 16, Blocks: 64,
			Timeout: 50 * time.Millisecond, Wait: 100 * time.Millisecond,
		})
		return err
	})
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// drain hands on packets until none comes. A signal may end a wait early.
func drain(t testing.TB, r *capture.Ring, do func(*packet.Packet)) {
	t.Helper()
	for silent := 0; silent < 3; silent++ {
		n, err := r.Next(do)
		must(t, err)
		if n > 0 {
			silent = -1
		}
	}
	if n := r.Stats().Dropped; n > 0 {
		t.Fatalf("the ring lost %d frames", n)
	}
}

// send sends random frames from one side to the other.
func send(t testing.TB, source *rand.Rand, from *nettest.Host, count int) {
	t.Helper()
	var all [][]byte
	for len(all) < count {
		if f := (frames{source}).next(true); len(f.data) >= 14 {
			all = append(all, f.data)
		}
	}
	index := from.Link(t).Index
	var b *nettest.Blaster
	from.In(t, func() (err error) {
		b, err = nettest.NewBlaster(index, all)
		return err
	})
	defer b.Close()
	n, err := b.Send(count)
	must(t, err)
	if n != count {
		t.Fatalf("sent %d of %d frames", n, count)
	}
}

// On real sockets, with tags in the metadata and sent packets, the filters
// keep what Match keeps, and count what they drop.
func TestFiltersOnSockets(t *testing.T) {
	needRoot(t)
	w := nettest.New(t)
	for _, h := range []*nettest.Host{w.Near, w.Far} {
		h.In(t, func() error { // no packets of the kernel's own
			return os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0o644)
		})
	}
	source := rand.New(rand.NewPCG(31, 32))
	texts := []string{"src_port == 443", "port == 80 && src_mac == '02:00:00:00:00:01'", "vlan in (100, 200); inner_vlan == 100", "ip6_daddr == '2001:db8::1'; icmp"}
	for range 6 {
		texts = append(texts, rules{source}.text())
	}
	known := map[string]string{"nic": "eth0"}
	for _, text := range texts {
		p, err := filter.Compile(text)
		must(t, err)
		c := Config{Link: packet.LinkEthernet, Snap: capture.DefaultSnapLen, Known: known}
		extended, err := New(p, c)
		must(t, err)
		classic, err := newClassic(p, p.Headers(known), c)
		must(t, err)
		all := listen(t, w, capture.Filter{})
		rings := map[string]*capture.Ring{"extended": listen(t, w, extended.Capture()), "classic": listen(t, w, classic.Capture())}
		send(t, source, w.Near, 1000)
		send(t, source, w.Far, 1000)

		kept, dropped, seen, others := tally{}, 0, 0, 0
		drain(t, all, func(d *packet.Packet) {
			if !tracked(d) { // the filter of eBPF ignores more of them than the base filter
				if f := view(d); p.Match(&f) >= 0 {
					others++
				}
				return
			}
			seen++
			if f := view(d); p.Match(&f) >= 0 {
				dropped++
			} else {
				kept.add(d)
			}
		})
		for name, r := range rings {
			got, passed := tally{}, 0
			drain(t, r, func(d *packet.Packet) {
				if !tracked(d) {
					return
				}
				if f := view(d); p.Match(&f) >= 0 {
					passed++ // weakened or not decoded: dropped in user space
				} else {
					got.add(d)
				}
			})
			if diff := kept.against(got); len(diff) > 0 {
				t.Errorf("%s %s: packets too few or, negative, too many: %v", name, text, diff)
			}
			counted := int(r.Stats().Filtered)
			if name == "extended" {
				counts, err := extended.Dropped()
				must(t, err)
				for _, n := range counts {
					counted += int(n)
				}
			}
			stats := all.Stats()
			more := int(stats.Undecoded())
			if name == "classic" {
				more += others // in tagged frames, into which the base filter does not look
			}
			if low := dropped - passed; counted < low || counted > low+more {
				t.Errorf("%s %s: counted %d, want %d and at most %d that are refused or not tracked", name, text, counted, low, more)
			}
			t.Logf("%s %s: of %d packets rules drop %d, the kernel %d", name, text, seen, dropped, counted)
		}
		must(t, extended.Close())
	}
}
