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
		{"", keep}, {"  ", keep}, {"\n\n", keep}, {";", keep}, {";;\nudp;\n;", keep},
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

		// Beyond the seed. The packet is 10.0.0.1:80 -> 127.0.0.1:40000.
		{"port == 80", drop}, {"port == 40000", drop}, {"port == 443", keep}, {"port in (443, 80)", drop}, {"port in [1, 2]", keep},
		{"port != 80", keep}, {"port != 443", drop}, {"!(port == 80)", keep}, {"80 == port", drop},
		{"port < 1024", drop}, {"port >= 1024", drop}, {"port > 40000", keep}, {"port == src_port", drop},
		{"ip == '10.0.0.1'", drop}, {"ip == '127.0.0.1'", drop}, {"ip == '10.0.0.2'", keep}, {"ip == ''", keep}, {"ip != ''", drop},
		{"ip != '10.0.0.1'", keep}, {"ip != '10.0.0.2'", drop}, {"'127.0.0.1' == ip", drop},
		{"ip in ['127.0.0.0/8']", drop}, {"ip in ('192.0.2.0/24', '2001:db8::/32')", keep}, {"src_ip in ['127.0.0.0/8']", keep}, {"dst_ip in ['127.0.0.0/8']", drop},
		{"!(ip in ['127.0.0.0/8'])", keep}, {"ip_saddr in ['10.0.0.1/32']", drop}, {"ip6_saddr in ['::/0', '']", drop}, {"ip6_saddr in ['::/0']", keep},
		{"ipnet_contains('127.0.0.0/8', ip)", drop}, {"ipnet_contains('11.0.0.0/8', ip)", keep}, {"has_prefix(ip, '127.')", drop},
		{"src_ip == '10.0.0.1' && dst_ip == '127.0.0.1'", drop}, {"ip == ip", drop}, {"src_ip == dst_ip", keep},
		{"proto == 6", drop}, {"proto in (17, 1)", keep}, {"icmp", keep}, {"vlan == 0 && inner_vlan == 0", drop}, {"vni > 0", keep}, {"tunnel == ''", drop},
		{"nic == 'eth0'", drop}, {"nic in ('eth0', 'eth1')", drop}, {"matches(nic, '^veth')", keep}, {"has_suffix(netns, ':4026531840)')", drop},
		{"src_mac == '02:00:00:00:00:01'", drop}, {"mac == '02:00:00:00:00:aa'", drop}, {"mac in ['02:00:00:00:00:02']", keep}, {"has_prefix(src_mac, '02:00:')", drop},
		{"k8s_pod == 'datakit-abc'", drop}, {"k8s_pod == ''", drop}, {"k8s_pod != 'datakit-abc'", keep},
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
		{"port in 80", `rule:1:9: unexpected integer 80 after in; a list is written [a, b] or (a, b)`},
		{"port in (80]", `rule:1:12: unexpected "]" in a list; "," or ")" is wanted`},
		{"port == '80'", "rule:1:6: == compares values of one type, not int with str"},
		{"ip in [80]", "rule:1:8: list item 80 is int, ip is str"},
		{"nofn(ip)", "there are ipnet_contains, has_prefix"},
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

		"ip == '2001:DB8::1'":        {`rule:1:7: ip is never "2001:DB8::1": the address is written "2001:db8::1"`},
		"ip_saddr != '10.0.0.0/8'":   {`rule:1:13: ip_saddr is never "10.0.0.0/8": it is a network; write ip_saddr in ["10.0.0.0/8"]`},
		"ip_saddr == '::1'":          {`rule:1:13: ip_saddr is never "::1": it is an IPv6 address`},
		"ip6_saddr in ['10.0.0.1']":  {`rule:1:15: ip6_saddr is never "10.0.0.1": it is an IPv4 address`},
		"src_ip == 'web'":            {`rule:1:11: src_ip is never "web": it is no IP address`},
		"src_ip == 'fe80::1%eth0'":   {`rule:1:11: src_ip is never "fe80::1%eth0": addresses of packets have no zone`},
		"mac == '02-00-00-00-00-0A'": {`rule:1:8: mac is never "02-00-00-00-00-0A": it is written "02:00:00:00:00:0a"`},
		"'x' == src_mac":             {`rule:1:1: src_mac is never "x": an Ethernet address is written as 02:00:00:00:00:01`},
		"tunnel == 'l2tp'":           {`rule:1:11: tunnel is never "l2tp": "vxlan", "geneve", "gre", "ipip"`},
		"ip in ['10.0.0.0/8', '::1'] && ip != '' && nic == 'x' && tunnel == 'vxlan'": nil,
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
