package point

// Measurement describes one measurement: the single source from which the
// reference documentation is generated and against which emitted points are
// tested.
type Measurement struct {
	Name     string
	Category Category
	Help     string
	Tags     []TagSpec
	Fields   []FieldSpec
}

// TagSpec describes a tag.
type TagSpec struct {
	Key, Help string
	Optional  bool // absent from some points, or only with an option set
}

// FieldSpec describes a field. Unit is a UCUM-like short name: "B", "us",
// "ns", "percent", "count"; empty when the value has none.
type FieldSpec struct {
	Key, Unit, Help string
	Kind            Kind
	Optional        bool
}
