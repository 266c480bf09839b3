package filter

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/expr-lang/expr"
)

// outcome runs a decision on a packet, as a kernel does.
func (d *Decision) outcome(p *Packet) Target {
	at := d.Start
	value := func(f Field) uint64 {
		if f == None {
			return 0
		}
		return p.Get(f)
	}
	for at >= 0 {
		t := d.Tests[at]
		next := t.No
		if value(t.A)-value(t.B)-t.Lo <= t.Span {
			next = t.Yes
		}
		if next >= 0 && next <= at {
			panic("a test leads backwards")
		}
		at = next
	}
	return at
}

// decisions are what a kernel may be given: without and with what it knows of
// the packets.
func decisions(p *Program) []Decision {
	return []Decision{p.Headers(nil), p.Headers(map[string]string{"netns": "NS(0:1)"})}
}

// agree compares every way to evaluate rules with the plain one.
func agree(t *testing.T, p *Program, decisions []Decision, packet *Packet) (matched bool) {
	t.Helper()
	v := packet.Values()
	first := -1
	for i := range p.rules {
		if v.eval(p.rules[i].tree).(bool) {
			first = i
			break
		}
	}
	if got := p.Match(packet); got != first {
		t.Fatalf("Match says %d, the rules mean %d: %+v", got, first, v)
	}
	if got := p.Explain(v); got.Rule != first {
		t.Fatalf("Explain says %d, the rules mean %d: %+v", got.Rule, first, v)
	}
	for _, d := range decisions {
		if got := d.outcome(packet).Rule(); got >= 0 && first < 0 || d.Exact && got != first {
			t.Fatalf("headers decide %d, exact %t, the rules mean %d: %+v", got, d.Exact, first, v)
		}
	}
	return first >= 0
}

// Any text that compiles means the same to all evaluators, on any packet.
func FuzzEvaluatorsAgree(f *testing.F) {
	g := generator{rand.New(rand.NewPCG(5, 6))}
	for range 20 {
		f.Add(g.rule(3)+";"+g.rule(1), []byte("abcdefghijklmnopqrstuvwxyz0123456789"))
	}
	f.Add(seedRules, []byte{4, 6, 0, 80})
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		p, err := Compile(text)
		if err != nil || p.Len() > 20 || len(text) > 500 {
			return
		}
		matched := agree(t, p, decisions(p), packetOf(data))
		// expr limits the size of programs, and the time it takes to parse them.
		reference, err := expr.Compile(p.Expr(), expr.Env(environment(&Packet{})), expr.AsBool())
		if err != nil {
			t.Fatalf("as expr %q: %v", p.Expr(), err)
		}
		got, err := expr.Run(reference, environment(packetOf(data)))
		if err != nil {
			return // expr refuses patterns and networks that are not constant at run time
		}
		if got != matched {
			t.Fatalf("expr %q says %v, the rules mean %t", p.Expr(), got, matched)
		}
	})
}

// packetOf makes a packet that can be of arbitrary bytes.
func packetOf(data []byte) *Packet {
	p := &Packet{NIC: "eth0", Netns: "NS(0:1)", SrcPod: "web-1"}
	next := func() uint64 {
		var b [8]byte
		n := copy(b[:], data)
		data = data[n:]
		return binary.LittleEndian.Uint64(b[:])
	}
	kind := next()
	p.Set(Family, [3]uint64{0, 4, 6}[kind%3])
	p.Set(Proto, kind>>8&0xff)
	p.SetPorts(uint16(kind>>16), uint16(kind>>32))
	switch kind % 3 {
	case 1:
		p.Set(SrcIPv4, IPv4Present|next()>>32)
		p.Set(DstIPv4, IPv4Present|next()>>32)
	case 2:
		for _, f := range []Field{SrcIPv6Hi, SrcIPv6Lo, DstIPv6Hi, DstIPv6Lo} {
			p.Set(f, next())
		}
	}
	tags := next()
	p.Set(VLAN, tags&0xfff)
	p.Set(InnerVLAN, tags>>16&0xfff)
	p.Set(Tunnel, (tags>>32)%3)
	p.Set(VNI, tags>>40)
	p.Set(SrcMAC, MACPresent|next()>>16)
	p.Set(DstMAC, MACPresent|next()>>16)
	return p
}

// The generators' rules and packets, through every evaluator.
func TestEveryEvaluatorAgrees(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(13, 14))}
	matches := 0
	const rules, packets = 2000, 20
	for range rules {
		text := g.rule(3) + ";" + g.rule(2)
		p, err := Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		d := decisions(p)
		for range packets {
			if agree(t, p, d, g.packet()) {
				matches++
			}
		}
	}
	if matches < rules*packets/10 || matches > rules*packets*9/10 {
		t.Errorf("%d of %d packets matched: the generator tests little", matches, rules*packets)
	}
}
