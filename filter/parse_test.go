package filter

import "testing"

// What is written with fewer parentheses means the same as what is rendered.
func TestRendering(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"one level, from the left", "tcp || udp && ipv4 || ipv6", "((tcp || udp) && ipv4) || ipv6"},
		{"parentheses", "tcp || (udp && ipv4)", "tcp || (udp && ipv4)"},
		{"needless parentheses", "((tcp)) && (((src_port)) == (80))", "tcp && (src_port == 80)"},
		{"not binds tightest", "!tcp == udp", "(!tcp) == udp"},
		{"comparisons from the left", "1 < 2 == tcp != udp", "((1 < 2) == tcp) != udp"},
		{"comparison binds tighter", "src_port == 80 && dst_port != 81", "(src_port == 80) && (dst_port != 81)"},
		{"numbers stay as they are", "src_port in [0x50, 0120, -1, +1]", "src_port in [0x50, 0120, -1, +1]"},
		{"lists of both kinds", "src_port in (80,\n81,) && ip in ['a' , ]", `(src_port in [80, 81]) && (ip in ["a"])`},
		{"list and comparison", "src_port in [1] == tcp", "(src_port in [1]) == tcp"},
		{"calls", "has_prefix ( nic ,\n'a' , )", `has_prefix(nic, "a")`},
		{"strings", `nic == 'a"\x41\n'`, `nic == "a\"A\n"`},
		{"quoted name", "`tcp`", "tcp"},
		{"either side stays", "port == 80 && ip != ''", `(port == 80) && (ip != "")`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := Compile(test.src)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Rule(0); got != test.want {
				t.Errorf("%s renders to %s, want %s", test.src, got, test.want)
			}
		})
	}
}

// What other evaluators get: one side per key, in the syntax of expr.
func TestExpr(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"none", "", "false"},
		{"some", "tcp; !udp", "(tcp) || ((!udp))"},
		{"either side", "port == 80", "(((src_port == 80) || (dst_port == 80)))"},
		{"neither side", "80 != port", "((!((80 == src_port) || (80 == dst_port))))"},
		{"both on either side", "ip == ip", "((((src_ip == src_ip) || (src_ip == dst_ip)) || ((dst_ip == src_ip) || (dst_ip == dst_ip))))"},
		{"octal and sign", "src_port in (0120, -0x1)", "((src_port in [80, -1]))"},
		{"networks", "src_ip in ('10.0.0.0/8', '::1')", `((ipnet_contains("10.0.0.0/8", src_ip) || src_ip in ["::1"]))`},
		{"matches is an operator", "matches(nic, '^e')", `((nic matches "^e"))`},
		{"functions", "has_prefix(nic, 'e') || ipnet_contains('::/0', dst_ip)", `((has_prefix(nic, "e") || ipnet_contains("::/0", dst_ip)))`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := Compile(test.src)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Expr(); got != test.want {
				t.Errorf("%s is %s, want %s", test.src, got, test.want)
			}
		})
	}
}
