package point

import "fmt"

// Category is the kind of data a point belongs to. It decides the path of
// the upload (/v1/write/<category>), the queue the point waits in and which
// point rules apply.
type Category uint8

// The categories that DataKit clients and backends know. The numbers are
// written to disk and to the wire: never renumber, only append.
const (
	Metric Category = iota + 1
	Network
	KeyEvent
	Object
	CustomObject
	Logging
	Tracing
	RUM
	Security
)

// categoryNames holds the path element of /v1/write/:category.
var categoryNames = [...]string{
	Metric: "metric", Network: "network", KeyEvent: "keyevent", Object: "object",
	CustomObject: "custom_object", Logging: "logging", Tracing: "tracing", RUM: "rum", Security: "security",
}

// String returns the path element of /v1/write/:category, for example "network".
func (c Category) String() string {
	if c.Valid() {
		return categoryNames[c]
	}
	return fmt.Sprintf("category(%d)", uint8(c))
}

// Valid reports whether c is one of the known categories.
func (c Category) Valid() bool { return c >= Metric && c <= Security }

// ParseCategory is the inverse of [Category.String].
func ParseCategory(name string) (Category, error) {
	for _, c := range Categories() {
		if categoryNames[c] == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("unknown category %q", name)
}

// Categories lists all categories, in the order of their numbers.
func Categories() []Category {
	all := make([]Category, 0, Security)
	for c := Metric; c <= Security; c++ {
		all = append(all, c)
	}
	return all
}
