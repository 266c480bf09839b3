package socketfilter

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/packet"
)

const (
	snap      = 2048
	knownName = "eth0"
)

// amount is how many packets a differential test looks at: rules times
// packets each. The guests of test/vm are 20 times slower.
func amount() (texts, perText int) {
	if os.Getenv("VM") != "" || testing.Short() {
		return 300, 50
	}
	return 1000, 1000
}

// verdicts checks what a kernel filter said against what user space says.
type verdicts struct {
	t                     *testing.T
	packets, drops, exact int
	weakened, inTunnels   int
	carried               int // of the latter, in GRE and IP in IP, which are kept
}

// check compares one verdict. A filter of eBPF also drops untracked protocols
// and looks into tunnels.
func (v *verdicts) check(text string, rules *filter.Program, d filter.Decision, f *frame, link packet.LinkType, dropped, extended bool) {
	v.t.Helper()
	v.packets++
	p, ok := f.seen(link)
	if !ok {
		return // user space refuses it: nothing to compare with
	}
	proto := p.Get(filter.Proto)
	v4 := p.Get(filter.Family) == 4
	tracked := proto == protoTCP || proto == protoUDP || v4 && proto == protoICMP || !v4 && proto == protoICMPv6
	// Not what the port of a tunnel promises: that is for user space to see.
	decoded := !f.extended && !f.manyTags && !f.carrier && (!f.tunnel || extended && p.Get(filter.Tunnel) != 0)
	if extended && !tracked && decoded {
		if !dropped && !f.cut {
			v.t.Fatalf("%s: kept an untracked packet % x", text, f.data)
		}
		return
	}
	if f.carrier && p.Get(filter.Tunnel) >= filter.TunnelGRE {
		v.carried++
	}
	if decoded && f.tunnel {
		v.inTunnels++
	}
	matched := rules.Match(&p) >= 0
	if dropped {
		v.drops++
	}
	switch {
	case dropped && !matched:
		v.t.Fatalf("%s\ndropped what Match keeps: outgoing %t, tag %t %x\n% x\n%+v", text, f.outgoing, f.tagged, f.tci, f.data, p)
	case !decoded:
	case !d.Exact:
		v.weakened++
	case matched != dropped:
		v.t.Fatalf("%s\nkept what Match drops: outgoing %t, tag %t %x\n% x\n%+v", text, f.outgoing, f.tagged, f.tci, f.data, p)
	default:
		v.exact++
	}
}

// enough fails when the verdicts prove little.
func (v *verdicts) enough() {
	v.t.Helper()
	v.t.Logf("%d packets: %d dropped; %d decided exactly, %d in tunnels, %d in GRE and IP in IP, %d by weakened rules", v.packets, v.drops, v.exact, v.inTunnels, v.carried, v.weakened)
	if v.drops < v.packets/10 || v.drops > v.packets*9/10 || v.exact < v.packets/4 || v.weakened < v.packets/20 || v.carried < v.packets/100 {
		v.t.Error("the generators test little")
	}
}

// skb is struct __sk_buff up to cb, with what is of use.
type skb struct {
	_  [12]uint32
	CB [5]uint32
	_  [31]uint32
}

// inTest reads what the kernel would know of a packet from cb, which alone a
// test run can set.
func inTest() metadata { return metadata{packetType: 48, vlanPresent: 52, vlanTCI: 56} }

func (f *frame) skb() *skb {
	s := &skb{}
	if f.outgoing {
		s.CB[0] = outgoing
	}
	if f.tagged {
		s.CB[1], s.CB[2] = 1, uint32(f.tci)
	}
	return s
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to load programs")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
}

// counters make a map for programs of few rules.
func counters(t *testing.T) *ebpf.Map {
	t.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestExtendedAgreesWithMatch(t *testing.T) {
	needRoot(t)
	counters := counters(t)
	source := rand.New(rand.NewPCG(11, 12))
	v := verdicts{t: t}
	texts, perText := amount()
	for i := range texts {
		text := rules{source}.text()
		p, err := filter.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		link := packet.LinkEthernet
		if i%5 == 0 {
			link = packet.LinkRaw
		}
		d := p.Headers(map[string]string{"nic": knownName})
		x := extended{decision: d, ethernet: link == packet.LinkEthernet, snap: snap, counters: counters.FD(), metadata: inTest()}
		program, err := load(&x)
		if err != nil {
			t.Fatalf("%s: %+v", text, err)
		}
		for range perText {
			f := frames{source}.next(link == packet.LinkEthernet)
			// The test run takes 14 bytes off as Ethernet header, and wants some more.
			data := append(make([]byte, 14), f.data...)
			verdict, err := program.Run(&ebpf.RunOptions{Data: data, Context: f.skb()})
			if err != nil {
				t.Fatal(err)
			}
			if verdict != 0 && verdict != snap {
				t.Fatalf("verdict %d", verdict)
			}
			v.check(text, p, d, &f, link, verdict == 0, true)
		}
		if err := program.Close(); err != nil {
			t.Fatal(err)
		}
	}
	v.enough()
}
