package filter

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// sample is the packet of the acceptance vectors.
func sample() *Packet {
	p := &Packet{NIC: "eth0", Netns: "NS(0:4026531840)", SrcPod: "datakit-abc"}
	p.Set(Proto, 6)
	p.SetAddrs(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.1"))
	p.SetPorts(80, 40000)
	p.SetMACs([6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 0xaa})
	return p
}

func TestVectors(t *testing.T) {
	const drop, keep = "drop", "keep"
	tests := []struct{ rule, want string }{
		{"udp", keep}, {"ipv6", keep}, {"tcp", drop}, {"!ipv6", drop}, {"!!tcp", drop}, {"`tcp`", drop},
		{"src_port == 80", drop}, {"src_port == 0120", drop}, {"src_port < 0x51", drop}, {"src_port >= -1", drop}, {"src_port >= +1", drop},
		{"!(src_port == 80)", keep},
		{"!tcp == udp", drop},
		{"tcp || udp && udp", keep}, // one level, left-associative
		{"tcp || (udp && udp)", drop},
		{"src_port == 80 == true", drop}, {"1 < 2 == tcp", drop},
		{"ip_saddr == '10.0.0.1'", drop}, {`ip_saddr == "10.0.0.1"`, drop}, {"ip_saddr == '''10.0.0.1'''", drop}, {`'10.0.0.1' == ip_saddr`, drop},
		{"ip6_saddr == ''", drop}, {"ip_saddr == ''", keep}, {"ip_saddr != ''", drop},
		{"ip_saddr == '010.0.0.1'", keep}, {"ip_saddr != 'x'", drop},
		{"tcp == TRUE", drop}, {"udp == False", drop},
		{"tcp &&\n udp", keep}, {"(\ntcp\n)", drop},
		{"tcp # c", drop}, {"# c\nudp", keep}, {"# c\n", keep},
		{"", keep}, {"\n\n", keep}, {";", keep}, {";;\nudp;\n;", keep},
		{"udp;tcp", drop}, {"udp\n\n\ntcp", drop}, {"udp\r\ntcp", drop}, {"tcp ; # x\n udp", drop},
		{`has_prefix(k8s_src_pod, "datakit-")`, drop},
		{`has_prefix(k8s_src_pod, "datakit-",)`, drop},
		{"has_prefix(\nk8s_src_pod,\n\"datakit-\"\n)", drop},
		{"has_prefix(k8s_src_pod, '')", drop},
		{"has_suffix(k8s_src_pod, '-abc')", drop},
		{`matches(k8s_src_pod, "^data.*c$")`, drop},
		{"ipnet_contains('10.0.0.0/8', ip_saddr)", drop},
		{"ipnet_contains('11.0.0.0/8', ip_saddr)", keep},
		{"ipnet_contains('::/0', ip6_saddr)", keep},
		{"src_port in [443, 0x50]", drop}, {"src_port in []", keep},
		{"ip_saddr in ['10.0.0.2', '10.0.0.1']", drop}, {"k8s_src_pod in ['a']", keep},
		{"ip_saddr=='127.0.0.1' || ip_daddr=='127.0.0.1'", drop},
		{"(ip_saddr == \"1.1.1.1\" || ip_saddr == \"1.1.1.1\") &&\n      (src_port == 80 || dst_port == 80)", keep},
		{seedRules, keep},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			p, err := Compile(test.rule)
			if err != nil {
				t.Fatal(err)
			}
			got := keep
			if p.Match(sample()) >= 0 {
				got = drop
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// seedRules is the text of several rules on the public eBPF collector page.
const seedRules = `udp
ip_saddr == "1.1.1.1" && (src_port == 80 || dst_port == 80);
ip_saddr == "10.10.0.1" && (src_port == 80 || dst_port == 80)

ipnet_contains("127.0.0.0/8", ip_saddr); ipv6
`

func TestRuleCount(t *testing.T) {
	for text, want := range map[string]int{"": 0, "# c\n": 0, "\n\n": 0, ";": 0, ";;\nudp;\n;": 1, "udp;tcp": 2, "udp\r\ntcp": 2, seedRules: 5} {
		p, err := Compile(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if p.Len() != want {
			t.Errorf("%q has %d rules, want %d", text, p.Len(), want)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct{ rule, want string }{
		{"80", "rule:1:1: a rule must be bool, 80 is int"},
		{"src_port", "rule:1:1: a rule must be bool, src_port is int"},
		{"src_port == 080", "rule:1:13: number 080 is no 64-bit integer"},
		{"src_port == 80.0", "rule:1:13: number 80.0 is no 64-bit integer"},
		{"src_port == 99999999999999999999", "rule:1:13: number 99999999999999999999 is no"},
		{"src_port == 8x", "rule:1:13: malformed number 8x"},
		{"src_port == .5", `rule:1:13: unexpected "."`},
		{"!src_port == 80", "rule:1:2: ! needs bool, src_port is int"},
		{"1 < 2 < 3", "rule:1:7: < compares int with int, not bool with int"},
		{"ip_saddr == `10.0.0.1`", "rule:1:13: unknown name 10.0.0.1"},
		{"ip_saddr == nil", "rule:1:13: nil is no value here"},
		{"ip_saddr < 'z'", "rule:1:10: < compares int with int, not str with str"},
		{"TCP", "rule:1:1: unknown name TCP"},
		{"tcp\n && udp", `rule:2:2: unexpected "&&"`},
		{"# c", "rule:1:4: unexpected end of text"},
		{"udp udp", "rule:1:5: unexpected name udp after a rule"},
		{"(tcp", "rule:1:5: unexpected end of text; the parenthesis of 1:1 is not closed"},
		{"tcp)", `rule:1:4: unexpected ")" after a rule`},
		{"tcp | udp", "rule:1:5: unexpected character '|'"},
		{"ip_saddr == 'abc", "rule:1:13: string is not closed"},
		{"ip_saddr == 'a\nb'", "rule:1:13: string is not closed on its line"},
		{`ip_saddr == '\q'`, `rule:1:14: unknown or incomplete escape \q`},
		{"has_prefix(k8s_src_pod)", "rule:1:1: has_prefix takes 2 arguments, not 1"},
		{"HAS_PREFIX(k8s_src_pod,'d')", "rule:1:1: unknown function HAS_PREFIX"},
		{"nofn(1)", "rule:1:1: unknown function nofn"},
		{"nokey == 1", "rule:1:1: unknown name nokey"},
		{"ipnet_contains('bad', ip_saddr)", `rule:1:16: "bad" is no network in CIDR notation`},
		{"ipnet_contains('10.0.0.0/8', 1)", "rule:1:30: argument ip of ipnet_contains is str, 1 is int"},
		{"matches(k8s_src_pod, '(')", "rule:1:22: pattern of matches: error parsing regexp"},
		{"tcp in [true]", "rule:1:5: in needs int or str on its left, tcp is bool"},
		{"src_port in ['a']", `rule:1:14: list item "a" is str, src_port is int`},
		{"if tcp {}", "rule:1:1: unexpected keyword if"},
		{"a = 1", `rule:1:3: unexpected "=" after a rule`},
		{"src_port + 1 == 81", `rule:1:10: unexpected "+" after a rule`},
		{"tcp && 1", "rule:1:8: && needs bool, 1 is int"},
		{"- (80) == 80", `rule:1:1: a sign belongs to a number, not to "("`},
		{"tcp &&", "rule:1:7: unexpected end of text"},
		{strings.Repeat("(", 600) + "tcp", "nested deeper than"},
		{strings.Repeat("!", 600) + "tcp", "nested deeper than"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			_, err := Compile(test.rule)
			var rule *Error
			if !errors.As(err, &rule) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	tests := map[string][]string{
		"tcp || udp && ipv4":         {"rule:1:1: && and || have one level of precedence: this is read as (tcp || udp) && ipv4, not as tcp || (udp && ipv4); parentheses make it clear"},
		"tcp && udp || ipv4":         nil, // both readings agree
		"tcp || (udp && ipv4)":       nil,
		"tcp && udp && ipv4":         nil,
		"ipv6\n(udp || tcp && ipv4)": {"rule:2:2: && and || have one level"},
	}
	for rule, want := range tests {
		p, err := Compile(rule)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Warnings()
		if len(got) != len(want) {
			t.Errorf("%q: warnings %v, want %v", rule, got, want)
			continue
		}
		for i := range want {
			if !strings.HasPrefix(got[i].String(), want[i]) {
				t.Errorf("%q: warning %q, want %q", rule, got[i], want[i])
			}
		}
	}
}
