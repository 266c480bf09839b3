package filter

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		name, rule, packet string
		match              int
		causes             []string
	}{
		{"both clauses", "ip_saddr == '10.0.0.1' && dst_port == 443", "ip_saddr=10.0.0.1,dst_port=443", 0,
			[]string{`0 ip_saddr == "10.0.0.1" true: ip_saddr is "10.0.0.1"`, "0 dst_port == 443 true: dst_port is 443"}},
		{"the clause that fails", "ip_saddr == '10.0.0.1' && dst_port == 443", "ip_saddr=10.0.0.1,dst_port=80", -1,
			[]string{"0 dst_port == 443 false: dst_port is 80"}},
		{"the side that is it", "port == 80", "src_port=80", 0, []string{"0 src_port == 80 true: src_port is 80"}},
		{"neither side", "port == 80", "src_port=1,dst_port=2", -1,
			[]string{"0 src_port == 80 false: src_port is 1", "0 dst_port == 80 false: dst_port is 2"}},
		{"not equal", "ip != '10.0.0.1'", "ip_saddr=10.0.0.1,ip_daddr=10.0.0.2", -1, []string{`0 src_ip == "10.0.0.1" true: src_ip is "10.0.0.1"`}},
		{"flag", "!udp", "tcp=true", 0, []string{"0 udp false: "}},
		{"flags compared", "tcp == udp", "tcp=true", -1, []string{"0 tcp true: ", "0 udp false: "}},
		{"second rule", "udp; tcp", "tcp=true", 1, []string{"1 tcp true: "}},
		{"no rule", "", "tcp=true", -1, nil},
		{"left out", "src_port == 0 && ip6_saddr == '' && !tcp", "", 0, []string{"0 src_port == 0 true: src_port is 0", `0 ip6_saddr == "" true: ip6_saddr is ""`, "0 tcp false: "}},
		{"quoted", "netns == 'NS(0:1)'", `netns="NS(0:1)"`, 0, []string{`0 netns == "NS(0:1)" true: netns is "NS(0:1)"`}},
		{"follows", "proto == 6 && src_ip == '2001:db8::1' && !icmp", "tcp=true,ip6_saddr=2001:DB8::1", 0,
			[]string{"0 proto == 6 true: proto is 6", `0 src_ip == "2001:db8::1" true: src_ip is "2001:db8::1"`, "0 icmp false: "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := Compile(test.rule)
			if err != nil {
				t.Fatal(err)
			}
			v, err := ParseValues(test.packet)
			if err != nil {
				t.Fatal(err)
			}
			e := p.Explain(v)
			var causes []string
			for _, c := range e.Causes {
				causes = append(causes, fmt.Sprintf("%d %s %t: %s", c.Rule, c.Test, c.Holds, c.Keys))
			}
			if e.Rule != test.match || !reflect.DeepEqual(causes, test.causes) {
				t.Errorf("rule %d because %q, want %d because %q", e.Rule, causes, test.match, test.causes)
			}
		})
	}
}

// What decided is enough: it agrees with Match on the values of packets.
func TestExplainAgreesWithMatch(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(3, 4))}
	for range 2000 {
		p, err := Compile(g.rule(2) + ";" + g.rule(1))
		if err != nil {
			t.Fatal(err)
		}
		packet := g.packet()
		e := p.Explain(packet.Values())
		if want := p.Match(packet); e.Rule != want || len(e.Causes) == 0 && !strings.Contains(p.Rule(0)+p.Rule(1), "true") && !strings.Contains(p.Rule(0)+p.Rule(1), "false") {
			t.Fatalf("%s; %s: explained %+v, matched %d", p.Rule(0), p.Rule(1), e, want)
		}
	}
}

func TestParseValuesMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"tcp":                   `"tcp" is not of the form key=value`,
		"tcp=maybe":             `tcp: "maybe" is not true or false`,
		"src_port=http":         `src_port: "http" is no number`,
		"src_port=-1":           `src_port: "-1" is no number`,
		"ip_saddr=10.0.0":       `ip_saddr: "10.0.0" is no such address`,
		"ip_saddr=2001:db8::1":  `ip_saddr: "2001:db8::1" is no such address`,
		"src_mac=x":             `src_mac: "x" is no Ethernet address`,
		"tunnel=l2tp":           `tunnel: "l2tp" is not one of "vxlan", "geneve", "gre", "ipip"`,
		"port=80":               "port: means either side; set src_port or dst_port",
		"prt=80":                "prt: unknown key; a packet has tcp, udp",
		"tcp=true,tcp=false":    "tcp is given twice",
		"tcp=true;src_port=80,": `tcp: "true;src_port=80" is not true or false`,
	} {
		if _, err := ParseValues(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", text, err, want)
		}
	}
}
