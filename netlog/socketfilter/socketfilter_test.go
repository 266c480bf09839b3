package socketfilter

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/net/bpf"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/packet"
)

func TestKind(t *testing.T) {
	needRoot(t)
	for text, want := range map[string]string{"tcp && port == 80": "ebpf", "k8s_pod == 'x'": "none", "nic == 'lo'": "none", "nic == 'eth0'": "ebpf"} {
		p, err := filter.Compile(text)
		must(t, err)
		f, err := New(p, Config{Link: packet.LinkEthernet, Snap: snap, Known: map[string]string{"nic": "eth0"}})
		must(t, err)
		if f.Kind() != want || (f.Capture().Program != nil) != (want == "ebpf") {
			t.Errorf("%s: a filter of kind %s, want %s", text, f.Kind(), want)
		}
		must(t, f.Close())
		must(t, f.Close())
	}
}

// many are networks far apart, and a rule of them.
func many(source *rand.Rand, n int) (networks []netip.Prefix, rule string) {
	var texts []string
	for i := range n {
		r := source.Uint32()
		text := fmt.Sprintf("10.%d.%d.%d/30", r>>24, r>>16&0xff, r>>8&0xfc)
		if i%3 == 0 {
			text = fmt.Sprintf("2001:db8:%x::%x:0/112", r>>16, r&0xffff)
		}
		networks, texts = append(networks, netip.MustParsePrefix(text)), append(texts, "'"+text+"'")
	}
	return networks, "ip in (" + strings.Join(texts, ", ") + ")"
}

// datagram is a UDP packet between two addresses.
func datagram(from, to netip.Addr) frame {
	b := append(make([]byte, 12), 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, protoUDP, 0, 0)
	if from.Is6() {
		b = append(make([]byte, 12), 0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, protoUDP, 64)
	}
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	return frame{data: append(b, 0, 80, 0, 80, 0, 8, 0, 0), outgoing: true}
}

// Rules of so many addresses that they are halved, and that jumps go farther
// than 255 instructions: at the ends of every network, and just beyond.
func TestManyAddresses(t *testing.T) {
	needRoot(t)
	networks, text := many(rand.New(rand.NewPCG(41, 42)), 120)
	p, err := filter.Compile(text)
	must(t, err)
	d := p.Headers(nil)
	c := classic{decision: d, ethernet: true, keep: snap}
	program := c.program()
	if !slices.ContainsFunc(program, func(i bpf.Instruction) bool { j, ok := i.(bpf.Jump); return ok && j.Skip > 255 }) {
		t.Errorf("%d instructions and no far jump", len(program))
	}
	vm, err := bpf.NewVM((&frame{outgoing: true}).inVM(program))
	must(t, err)
	x := extended{decision: d, ethernet: true, snap: snap, counters: counters(t).FD(), metadata: inTest()}
	loaded, err := load(&x)
	must(t, err)
	defer loaded.Close()

	for _, n := range networks {
		last := n.Addr()
		for n.Contains(last.Next()) {
			last = last.Next()
		}
		for addr, inside := range map[netip.Addr]bool{n.Addr(): true, last: true, n.Addr().Prev(): false, last.Next(): false} {
			other := netip.MustParseAddr("192.0.2.1")
			if addr.Is6() {
				other = netip.MustParseAddr("2001:db9::1")
			}
			for _, f := range []frame{datagram(addr, other), datagram(other, addr)} {
				seen, ok := f.seen(packet.LinkEthernet)
				inClassic, err := vm.Run(f.data)
				must(t, err)
				inExtended, err := loaded.Run(&ebpf.RunOptions{Data: append(make([]byte, 14), f.data...), Context: f.skb()})
				must(t, err)
				if match := p.Match(&seen) >= 0; !ok || match != inside || (inClassic == 0) != inside || (inExtended == 0) != inside {
					t.Fatalf("%v: in %v is %t; matched %t, classic %d, eBPF %d", addr, n, inside, match, inClassic, inExtended)
				}
			}
		}
	}
}

// What is too much for one kind of filter is an error that says so.
func TestTooManyRules(t *testing.T) {
	_, text := many(rand.New(rand.NewPCG(43, 44)), 2000)
	p, err := filter.Compile(text)
	must(t, err)
	c := Config{Link: packet.LinkEthernet, Snap: snap}
	if _, err := newClassic(p, p.Headers(nil), c); err == nil || !strings.Contains(err.Error(), "instructions, at most 4000") {
		t.Errorf("error is %v", err)
	}
	needRoot(t)
	f, err := New(p, c)
	if verifier := new(ebpf.VerifierError); errors.As(err, &verifier) {
		t.Fatalf("%+v", verifier)
	}
	must(t, err)
	must(t, f.Close())
}
