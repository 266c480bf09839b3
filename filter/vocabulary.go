package filter

import (
	"net/netip"
	"slices"
)

// Key is one name that rules may use. Exactly one of the accessors is set; it
// gives the type of the key. Addr makes a key of type str that compares
// addresses without formatting them: an invalid address is "".
type Key[E any] struct {
	Name, Help string

	Bool func(*E) bool
	Int  func(*E) int64
	Str  func(*E) string
	Addr func(*E) netip.Addr
}

// Type is the type of the key in the language.
func (k Key[E]) Type() Type {
	switch {
	case k.Bool != nil:
		return TypeBool
	case k.Int != nil:
		return TypeInt
	default:
		return TypeStr
	}
}

// Vocabulary is the set of keys that rules over E may use.
type Vocabulary[E any] []Key[E]

func (v Vocabulary[E]) lookup(name string) (Key[E], bool) {
	i := slices.IndexFunc(v, func(k Key[E]) bool { return k.Name == name })
	if i < 0 {
		return Key[E]{}, false
	}
	return v[i], true
}

func (v Vocabulary[E]) typeOf(name string) (Type, bool) {
	k, ok := v.lookup(name)
	return k.Type(), ok
}

// Function is a function of the language, for documentation.
type Function struct {
	Name string
	Args []string // names of the arguments, all of type str
	Help string
}

// Functions lists the functions of the language; all return bool.
func Functions() []Function {
	return []Function{
		{"ipnet_contains", []string{"ipnet", "ip"}, "whether the address is in the network, written as CIDR; false for an empty address"},
		{"has_prefix", []string{"s", "prefix"}, "whether s begins with prefix"},
		{"has_suffix", []string{"s", "suffix"}, "whether s ends with suffix"},
		{"matches", []string{"s", "pattern"}, "whether s contains a match of the regular expression (RE2), a literal"},
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
