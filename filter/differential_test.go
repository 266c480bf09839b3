package filter

import (
	"fmt"
	"maps"
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
	addr := g.pick("ip_saddr", "ip_daddr", "ip6_saddr", "ip6_daddr", "src_ip", "dst_ip", "ip")
	str := g.pick(addr, "k8s_src_pod", "k8s_dst_pod", "k8s_pod", "src_mac", "mac", "tunnel", "nic")
	value := quote(g.pick("", "10.0.0.1", "10.0.0.2", "2001:db8::1", "::1", "web-1", "x", "02:00:00:00:00:01", "vxlan", "eth0"))
	network := quote(g.pick("10.0.0.0/8", "10.0.0.1/32", "10.0.0.2/31", "0.0.0.0/0", "2001:db8::/32", "::/0", "::/127", "2001:db8::/127", "2001:db8::/64"))
	number := g.pick("src_port", "dst_port", "port", "proto", "vlan", "inner_vlan", "vni")
	n := g.pick("0", "80", "0120", "0x1bb", "443", "-1", "6", "17", "100", "65535")
	switch g.IntN(12) {
	case 0:
		return g.pick("tcp", "udp", "icmp", "ipv4", "ipv6", "true", "false")
	case 1, 2:
		op := g.pick("==", "!=", "<", "<=", ">", ">=")
		if g.IntN(2) == 0 {
			number, n = n, number
		}
		return number + " " + op + " " + n
	case 3:
		return number + g.pick("==", "<", ">=", "!=", "<=", ">") + g.pick("dst_port", "port", "proto")
	case 4:
		if g.IntN(2) == 0 {
			str, value = value, str
		}
		return str + g.pick(" == ", " != ") + value
	case 5:
		return addr + g.pick(" == ", " != ") + g.pick("ip_saddr", "ip6_daddr", "dst_ip", "ip", "nic")
	case 6:
		return g.pick("src_mac", "mac", "tunnel") + g.pick(" == ", " != ") + g.pick("src_mac", "dst_mac", "mac", "nic", "tunnel")
	case 7:
		return number + " in " + g.pick("[80, 443]", "(80)", "()", "(1, 3, 5, 7, 9, 11, 80, 81, 443, 6)", "[-1, 0]")
	case 8:
		return str + " in [" + value + ", 'web-1']"
	case 9:
		return addr + " in [" + value + ", " + network + ", '10.0.0.7', '10.0.0.9', '10.0.0.11', '10.0.0.13', '10.0.0.15', '192.0.2.0/25', '::1', '2001:db9::1']"
	case 10:
		return g.pick("has_prefix", "has_suffix") + "(" + str + ", " + value + ")"
	default:
		return g.pick("ipnet_contains("+network+", "+str+")", "matches("+str+", '1$')", "ipnet_contains("+str+", "+addr+")")
	}
}

func (g generator) packet() *Packet {
	p := &Packet{NIC: g.pick("eth0", "lo"), Netns: "NS(0:1)", SrcPod: g.pick("", "web-1", "web-2"), DstPod: g.pick("", "x")}
	p.Set(Proto, [4]uint64{6, 17, 1, 58}[g.IntN(4)])
	addrs := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.13", "192.0.2.1", "0.0.0.0", "255.255.255.255"}
	if g.IntN(2) == 0 {
		addrs = []string{"2001:db8::1", "2001:db8::2", "2001:db9::1", "::", "::1", "::2", "::ffff:10.0.0.1", "2001:db8:0:1::1"}
	}
	if g.IntN(10) > 0 {
		p.SetAddrs(netip.MustParseAddr(g.pick(addrs...)), netip.MustParseAddr(g.pick(addrs...)))
	}
	p.SetPorts([4]uint16{0, 80, 443, 65535}[g.IntN(4)], [4]uint16{80, 443, 40000, 0}[g.IntN(4)])
	p.SetMACs([6]byte{2, 0, 0, 0, 0, byte(g.IntN(2))}, [6]byte{2, 0, 0, 0, 0, byte(g.IntN(2))})
	p.Set(VLAN, [3]uint64{0, 100, 80}[g.IntN(3)])
	p.Set(InnerVLAN, [3]uint64{0, 100, 80}[g.IntN(3)])
	p.Set(Tunnel, uint64(g.IntN(3)))
	p.Set(VNI, [3]uint64{0, 100, 443}[g.IntN(3)])
	return p
}

// environment is what a program of Expr runs on.
func environment(p *Packet) map[string]any {
	env := ExprFunctions()
	maps.Copy(env, p.Values())
	return env
}

// The tests, the plain evaluation and expr-lang/expr agree on random rules and packets.
func TestEvaluatorsAgree(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(7, 8))}
	var matches int
	const rules, packets = 2000, 20
	for range rules {
		text := g.rule(3)
		p, err := Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		reference, err := expr.Compile(p.Expr(), expr.Env(environment(sample())), expr.AsBool())
		if err != nil {
			t.Fatalf("%s\nas expr: %s\n%v", text, p.Expr(), err)
		}
		for range packets {
			packet := g.packet()
			want, err := expr.Run(reference, environment(packet))
			if err != nil {
				t.Fatal(err)
			}
			got := p.Match(packet) >= 0
			if got != want {
				t.Fatalf("%s\nas expr: %s\npacket %+v: tests %v, expr %v", text, p.Expr(), packet, got, want)
			}
			if plain := packet.Values().eval(p.rules[0].tree).(bool); plain != want {
				t.Fatalf("%s\npacket %+v: plain %v, expr %v", text, packet, plain, want)
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
		p, err := Compile(g.rule(3))
		if err != nil {
			t.Fatal(err)
		}
		again, err := Compile(p.Rule(0))
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
		p, err := Compile(text)
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("error without a position: %v", err)
			}
			return
		}
		p.Match(sample())
		if _, err := expr.Compile(p.Expr(), expr.Env(environment(sample())), expr.AsBool()); err != nil && p.Len() < 20 && len(text) < 500 {
			t.Fatal(fmt.Errorf("%q as expr %q: %w", text, p.Expr(), err))
		}
	})
}
