package filter

import (
	"net"
	"net/netip"
)

// networkIn returns the network that item is in a list for subject: addresses
// may be compared with whole networks there.
func networkIn(subject, item *node) (netip.Prefix, bool) {
	if subject.op != "key" || !subject.key.isAddress() || item.op != "str" {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(item.str)
	return p, err == nil
}

// isAddress reports whether the key, or each side of it, is an IP address.
func (k *key) isAddress() bool { return k.addr != nil || k.Name == "ip" }

// isMAC reports whether the key, or each side of it, is an Ethernet address.
func (k *key) isMAC() bool {
	return k.Name == "mac" || k.coded != nil && (k.coded.field == SrcMAC || k.coded.field == DstMAC)
}

// warnNever warns of a literal that a key never has as its text: the rule
// says something else than its author thinks.
func (c *checker) warnNever(subject, literal *node) {
	if subject.op != "key" || literal.op != "str" || literal.str == "" {
		return
	}
	if why := neverText(subject.key, literal.str); why != "" {
		c.warnings = append(c.warnings, Warning{Pos: literal.pos, Msg: subject.name + " is never " + quote(literal.str) + ": " + why})
	}
}

// neverText says why the key never has the text, "" when it may have it.
func neverText(k *key, text string) string {
	switch {
	case k.isAddress():
		return neverAddress(k, text)
	case k.isMAC():
		if _, ok := macNumber(text); ok {
			return ""
		}
		if a, err := net.ParseMAC(text); err == nil && len(a) == 6 {
			return "it is written " + quote(a.String())
		}
		return "an Ethernet address is written as 02:00:00:00:00:01"
	case k.coded != nil:
		if _, ok := k.coded.encode(text); !ok {
			return k.Help
		}
	}
	return ""
}

func neverAddress(k *key, text string) string {
	of := k.addr
	if of == nil {
		of = &addrKey{v4: true, v6: true}
	}
	if _, ok := of.parse(text); ok {
		return ""
	}
	if _, err := netip.ParsePrefix(text); err == nil {
		return "it is a network; write " + k.Name + " in [" + quote(text) + "]"
	}
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return "it is no IP address"
	case a.Zone() != "":
		return "addresses of packets have no zone"
	case a.String() != text:
		return "the address is written " + quote(a.String())
	case a.Is4():
		return "it is an IPv4 address"
	default:
		return "it is an IPv6 address"
	}
}
