package filter

import "strings"

// Meaning is the help of the key with the keys that it stands for.
func (k Key) Meaning() string {
	if k.Sides == nil {
		return k.Help
	}
	return k.Help + ": " + strings.Join(k.Sides, " or ")
}

// Usage is the call of the function with the names of its arguments.
func (f Function) Usage() string { return f.Name + "(" + strings.Join(f.Args, ", ") + ")" }

// Topic is a part of the reference of the language, in prose.
type Topic struct{ Name, Text string }

// Topics are what the reference says beside the tables of [Keys] and
// [Functions].
func Topics() []Topic {
	return []Topic{
		{"Rules", `Rules are separated by ";" or newlines. A packet that any rule matches is dropped. "#" begins a comment. A rule may go on
in the next line after an operator, a comma or an opening parenthesis.`},
		{"Operators", `"!" binds tightest, then == != < <= > >= and in, then && and ||, which share one level and are read from left to right:
a || b && c is (a || b) && c. A warning shows both readings; parentheses make it clear. == and != compare values of one
type, < <= > >= integers. !src_port == 80 is an error; write src_port != 80 or !(src_port == 80).`},
		{"Lists", `in (80, 443) or in [80, 443] holds integers or strings. In a list for an IP address a network may stand:
ip in ('10.0.0.0/8', '192.0.2.1').`},
		{"Values", `Integers are decimal, 0x1f or 017, strings 'a' or "a", with escapes as in Go; '''a''' may span lines. What a packet does not
have is "", 0 or false; there is no null. Addresses are compared as the usual text: '2001:db8::1', not '2001:DB8:0::1'; a
text that can never match is a warning.`},
		{"Either side", `A test with port, ip, mac or k8s_pod is true when it is true of one of the two sides: ip == '10.0.0.1' matches packets from
and to 10.0.0.1, port < 1024 those with a low port on either side. != is the opposite of ==: ip != '10.0.0.1' matches
packets of which neither side is 10.0.0.1, the same as !(ip == '10.0.0.1').`},
		{"Sides", `The source is the side of the network interface the packet was captured on, for packets in both directions: src_port == 443
matches all packets of a server on this interface, received and sent. Headers are those of the innermost packet when it
came in a tunnel, VLAN tags those of the outer frame.`},
		{"Where rules are decided", `Rules that look at headers alone are decided in the kernel: what they drop is never copied. The names of pods, and functions
on texts other than ipnet_contains, are decided afterwards; so are packets with IPv6 extension headers, GRE and IP in IP. The
outcome is the same.`},
	}
}
