package filter

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/expr-lang/expr"
)

// generator makes random rules of the language and random packets, from small
// sets of values so that equalities hold often enough.
type generator struct{ *rand.Rand }

func (g generator) pick(all ...string) string { return all[g.IntN(len(all))] }

func (g generator) rule(depth int) string {
	if depth == 0 {
		return g.atom()
	}
	switch g.IntN(5) {
	case 0:
		return "!(" + g.rule(depth-1) + ")"
	case 1, 2:
		return "(" + g.rule(depth-1) + ") " + g.pick("&&", "||", "==", "!=") + " (" + g.rule(depth-1) + ")"
	case 3:
		return g.atom() + g.pick(" && ", " || ") + g.atom() + g.pick(" && ", " || ") + g.atom()
	default:
		return g.atom()
	}
}

func (g generator) atom() string {
	addr := g.pick("ip_saddr", "ip_daddr", "ip6_saddr", "ip6_daddr")
	str := g.pick(addr, "k8s_src_pod", "k8s_dst_pod")
	value := quote(g.pick("", "10.0.0.1", "10.0.0.2", "2001:db8::1", "web-1", "x"))
	switch g.IntN(8) {
	case 0:
		return g.pick("tcp", "udp", "ipv4", "ipv6", "true", "false")
	case 1, 2:
		op := g.pick("==", "!=", "<", "<=", ">", ">=")
		port, n := g.pick("src_port", "dst_port"), g.pick("80", "0120", "0x1bb", "443", "-1")
		if g.IntN(2) == 0 {
			port, n = n, port
		}
		return port + " " + op + " " + n
	case 3:
		return "src_port " + g.pick("==", "<", ">=") + " dst_port"
	case 4:
		if g.IntN(2) == 0 {
			str, value = value, str
		}
		return str + g.pick(" == ", " != ") + value
	case 5:
		return g.pick("src_port in [80, 443]", str+" in ["+value+", 'web-1']")
	case 6:
		return g.pick("has_prefix", "has_suffix") + "(" + str + ", " + value + ")"
	default:
		return g.pick("ipnet_contains("+quote(g.pick("10.0.0.0/8", "10.0.0.1/32", "2001:db8::/32", "::/0"))+", "+str+")", "matches("+str+", '1$')")
	}
}

func (g generator) packet() *Packet {
	p := &Packet{TCP: g.IntN(2) == 0, SrcPod: g.pick("", "web-1", "web-2"), DstPod: g.pick("", "x")}
	p.UDP = !p.TCP
	p.Src = netip.MustParseAddr(g.pick("10.0.0.1", "10.0.0.2"))
	p.Dst = netip.MustParseAddr(g.pick("10.0.0.1", "192.0.2.1"))
	if g.IntN(2) == 0 {
		p.Src, p.Dst = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr(g.pick("2001:db8::1", "2001:db9::1"))
	}
	p.SrcPort, p.DstPort = [4]uint16{0, 80, 443, 65535}[g.IntN(4)], [3]uint16{80, 443, 40000}[g.IntN(3)]
	return p
}

// The closures and expr-lang/expr agree on random rules and packets.
func TestClosuresAgreeWithExpr(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(7, 8))}
	vocabulary := PacketVocabulary()
	var matches int
	const rules, packets = 2000, 20
	for range rules {
		text := g.rule(3)
		p, err := Compile(text, vocabulary)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		reference, err := expr.Compile(p.Expr(), expr.Env(vocabulary.Env(sample())), expr.AsBool())
		if err != nil {
			t.Fatalf("%s\nas expr: %s\n%v", text, p.Expr(), err)
		}
		for range packets {
			packet := g.packet()
			want, err := expr.Run(reference, vocabulary.Env(packet))
			if err != nil {
				t.Fatal(err)
			}
			got := p.Match(packet) >= 0
			if got != want {
				t.Fatalf("%s\nas expr: %s\npacket %+v: closure %v, expr %v", text, p.Expr(), packet, got, want)
			}
			if got {
				matches++
			}
		}
	}
	if matches < rules*packets/10 || matches > rules*packets*9/10 {
		t.Errorf("%d of %d packets matched: the generator tests little", matches, rules*packets)
	}
}

// What a rule renders to is a rule that renders to the same text.
func TestRenderingIsStable(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(9, 10))}
	for range 2000 {
		p, err := Compile(g.rule(3), PacketVocabulary())
		if err != nil {
			t.Fatal(err)
		}
		again, err := Compile(p.Rule(0), PacketVocabulary())
		if err != nil {
			t.Fatalf("%s: %v", p.Rule(0), err)
		}
		if again.Rule(0) != p.Rule(0) {
			t.Fatalf("%s renders to %s", p.Rule(0), again.Rule(0))
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, text := range []string{"tcp", seedRules, "!(a == 'b')", "src_port in [1,2,]", "'''\n'''", "`x`", "# c", "-0x80"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Compile(text, PacketVocabulary())
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("error without a position: %v", err)
			}
			return
		}
		p.Match(sample())
		if _, err := expr.Compile(p.Expr(), expr.Env(PacketVocabulary().Env(sample())), expr.AsBool()); err != nil && p.Len() < 20 && len(text) < 500 {
			t.Fatal(fmt.Errorf("%q as expr %q: %w", text, p.Expr(), err))
		}
	})
}

func BenchmarkMatchTwoClauses(b *testing.B) {
	p, err := Compile("ip_saddr == '10.0.0.1' && dst_port == 443", PacketVocabulary())
	if err != nil {
		b.Fatal(err)
	}
	packet := sample()
	b.ReportAllocs()
	for b.Loop() {
		p.Match(packet)
	}
}
