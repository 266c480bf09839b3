package socketfilter

import (
	"math/rand/v2"
	"strings"
)

// rules makes random texts of rules on headers, now and then with something
// that only user space knows.
type rules struct{ *rand.Rand }

func (g rules) pick(all ...string) string { return all[g.IntN(len(all))] }

func (g rules) text() string {
	var all []string
	for range 1 + g.IntN(3) {
		all = append(all, g.rule(2))
	}
	return strings.Join(all, ";")
}

func (g rules) rule(depth int) string {
	if depth == 0 || g.IntN(3) == 0 {
		return g.atom()
	}
	switch g.IntN(4) {
	case 0:
		return "!(" + g.rule(depth-1) + ")"
	case 1:
		return "(" + g.rule(depth-1) + ") == (" + g.rule(depth-1) + ")"
	default:
		return "(" + g.rule(depth-1) + ") " + g.pick("&&", "&&", "||") + " (" + g.rule(depth-1) + ")"
	}
}

func (g rules) atom() string {
	addr := g.pick("ip_saddr", "ip_daddr", "ip6_saddr", "ip6_daddr", "src_ip", "dst_ip", "ip")
	number := g.pick("src_port", "dst_port", "port", "port", "proto", "vlan", "inner_vlan", "vni")
	op := g.pick("==", "!=", "<", "<=", ">", ">=")
	switch g.IntN(10) {
	case 0:
		return g.pick("tcp", "udp", "icmp", "ipv4", "ipv6", "true", "false")
	case 1, 2:
		return number + op + g.pick("0", "53", "80", "443", "1024", "6", "17", "100", "200", "-1", "65535")
	case 3:
		return number + op + g.pick("dst_port", "vlan", "proto")
	case 4:
		return addr + g.pick("==", "!=") + g.pick("'10.0.0.1'", "'10.0.0.2'", "'2001:db8::1'", "'::1'", "'::'", "''", "'::ffff:10.0.0.1'")
	case 5:
		return addr + g.pick("==", "!=") + g.pick("ip_saddr", "ip6_daddr", "dst_ip", "src_ip")
	case 6:
		return addr + " in (" + g.pick("'10.0.0.2/31'", "'192.0.0.0/16'", "'2001:db8::/64'", "'2001:db8::/127'", "'::/0'", "'0.0.0.0/0'", "'::/96'") + ", '10.0.0.3', '::1')"
	case 7:
		return g.pick("src_mac", "dst_mac", "mac") + g.pick("==", "!=") + g.pick("'02:00:00:00:00:01'", "'02:00:00:00:00:02'", "''", "dst_mac", "'00:00:00:00:00:00'")
	case 8:
		return number + " in " + g.pick("(80, 443)", "(1, 3, 5, 6, 9, 53, 80, 100, 443)", "[0]")
	default:
		return g.pick("k8s_src_pod == 'x'", "k8s_dst_pod == ''", "matches(src_ip, '1$')", "nic == 'eth0'", "nic != 'eth0'", "tunnel == 'vxlan'", "has_prefix(nic, 'eth')")
	}
}
