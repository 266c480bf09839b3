package point

// Limits of a point, as DataKit enforces them.
const (
	MaxTags       = 256
	MaxFields     = 1024
	MaxKey        = 256      // bytes of a tag or field key
	MaxTagValue   = 1024     // bytes
	MaxFieldValue = 32 << 20 // bytes of a string field
	MaxName       = 1024     // bytes of the measurement

	defaultName = "__default"
)

// rules are the parts of the point rules that differ by category.
type rules struct {
	noDots    bool    // '.' in keys becomes '_'
	noStrings bool    // string fields are dropped
	disabled  []named // keys that are dropped
	required  named   // a string field that is added when the key is absent; none when its name is empty
	fallback  string  // its value
}

// named is a key with its fingerprint.
type named struct {
	name  string
	print uint64
}

func key(name string) named { return named{name: name, print: fingerprint([]byte(name))} }

// rulesByCategory is indexed by category.
var rulesByCategory = [Security + 1]rules{
	Metric:  {noStrings: true},
	Logging: {noDots: true, disabled: []named{key("source"), key("date")}, required: key("status"), fallback: "info"},
	Object:  {noDots: true, disabled: []named{key("class"), key("date")}, required: key("name"), fallback: "default"},
}

// rulesOf returns the rules of c; those without category specifics when c is
// not a known category.
func rulesOf(c Category) *rules {
	if c.Valid() {
		return &rulesByCategory[c]
	}
	return &rulesByCategory[0]
}
