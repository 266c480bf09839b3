package filter

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ParseValues reads a packet written as key=value, separated by commas:
//
//	tcp=true,ipv4=true,ip_saddr=10.0.0.1,src_port=80
//
// Keys that are left out are false, 0 or "", except those that say the same
// as others in another way: src_ip and dst_ip follow from ip_saddr,
// ip6_saddr, ip_daddr and ip6_daddr, proto from tcp and udp, icmp from proto.
func ParseValues(text string) (Values, error) {
	v := Values{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			return nil, fmt.Errorf("packet: %q is not of the form key=value", item)
		}
		name, value = strings.TrimSpace(name), unquoted(strings.TrimSpace(value))
		if _, twice := v[name]; twice {
			return nil, fmt.Errorf("packet: %s is given twice", name)
		}
		parsed, err := parseValue(name, value)
		if err != nil {
			return nil, fmt.Errorf("packet: %s: %w", name, err)
		}
		v[name] = parsed
	}
	v.follow()
	return v, nil
}

// unquoted takes off quotes around a value.
func unquoted(s string) string {
	if n := len(s); n >= 2 && s[0] == s[n-1] && (s[0] == '\'' || s[0] == '"') {
		return s[1 : n-1]
	}
	return s
}

func parseValue(name, text string) (any, error) {
	all := vocabulary()
	i := slices.IndexFunc(all, func(k key) bool { return k.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("unknown key; a packet has %s", strings.Join(single(all), ", "))
	}
	switch k := &all[i]; {
	case k.Sides != nil:
		return nil, fmt.Errorf("means either side; set %s", strings.Join(k.Sides, " or "))
	case k.Type == TypeBool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not true or false", text)
		}
		return b, nil
	case k.Type == TypeInt:
		n, err := strconv.ParseUint(text, 0, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", text)
		}
		return int(n), nil
	default:
		return k.parseText(text)
	}
}

// single are the names of the keys that do not mean either side.
func single(all []key) (names []string) {
	for _, k := range all {
		if k.Sides == nil {
			names = append(names, k.Name)
		}
	}
	return names
}

// parseText reads a value of type str in the form that the key has.
func (k *key) parseText(text string) (string, error) {
	switch {
	case text == "":
		return "", nil
	case k.addr != nil:
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" || !(a.Is4() && k.addr.v4 || a.Is6() && k.addr.v6) {
			return "", fmt.Errorf("%q is no such address", text)
		}
		return a.String(), nil
	case k.isMAC():
		a, err := net.ParseMAC(text)
		if err != nil || len(a) != 6 {
			return "", fmt.Errorf("%q is no Ethernet address", text)
		}
		return a.String(), nil
	case k.coded != nil:
		if _, ok := k.coded.encode(text); !ok {
			return "", fmt.Errorf("%q is not one of %s", text, k.Help)
		}
	}
	return text, nil
}

// follow sets what follows from other keys and was left out.
func (v Values) follow() {
	set := func(name string, value any, when bool) {
		if _, given := v[name]; !given && when {
			v[name] = value
		}
	}
	for _, of := range [][3]string{{"src_ip", "ip_saddr", "ip6_saddr"}, {"dst_ip", "ip_daddr", "ip6_daddr"}} {
		for _, from := range of[1:] {
			text, _ := v[from].(string)
			set(of[0], text, text != "")
		}
	}
	set("proto", 6, v["tcp"] == true)
	set("proto", 17, v["udp"] == true)
	set("icmp", true, v["proto"] == 1 || v["proto"] == 58)
}
