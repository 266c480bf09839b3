package filter

import (
	"net/netip"
	"slices"
)

// Function describes a function of the language; all return bool.
type Function struct {
	Name string
	Args []string // names of the arguments, all of type str
	Help string
}

// Functions lists the functions of the language.
func Functions() []Function {
	return []Function{
		{"ipnet_contains", []string{"ipnet", "ip"}, "whether the address is in the network, written as CIDR; false for an empty address"},
		{"has_prefix", []string{"s", "prefix"}, "whether s begins with prefix"},
		{"has_suffix", []string{"s", "suffix"}, "whether s ends with suffix"},
		{"matches", []string{"s", "pattern"}, "whether s contains a match of the regular expression (RE2 syntax), which is a literal"},
	}
}

func lookupFunction(name string) (Function, bool) {
	all := Functions()
	i := slices.IndexFunc(all, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return Function{}, false
	}
	return all[i], true
}

// contains is ipnet_contains on texts: false when either is malformed.
func contains(network, ip string) bool {
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(ip)
	return err == nil && prefix.Contains(addr)
}
