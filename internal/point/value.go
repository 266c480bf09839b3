package point

import "math"

// Kind is the type of a field value, as line protocol distinguishes them.
type Kind uint8

// The kinds of field values.
const (
	KindInt Kind = iota + 1
	KindUint
	KindFloat
	KindBool
	KindString
)

// Value is one field value. The zero Value is invalid and is never encoded.
type Value struct {
	kind Kind
	bits uint64
	str  string
}

// Int makes a signed integer value (suffix "i" in line protocol).
func Int(v int64) Value { return Value{kind: KindInt, bits: uint64(v)} }

// Uint makes an unsigned integer value (suffix "u" in line protocol).
func Uint(v uint64) Value { return Value{kind: KindUint, bits: v} }

// Float makes a floating point value.
func Float(v float64) Value { return Value{kind: KindFloat, bits: math.Float64bits(v)} }

// Bool makes a boolean value.
func Bool(v bool) Value {
	if v {
		return Value{kind: KindBool, bits: 1}
	}
	return Value{kind: KindBool}
}

// String makes a string value.
func String(v string) Value { return Value{kind: KindString, str: v} }

// Kind returns the type of the value; 0 for the zero Value.
func (v Value) Kind() Kind { return v.kind }

// AsInt returns the value of a KindInt.
func (v Value) AsInt() int64 { return int64(v.bits) }

// AsUint returns the value of a KindUint.
func (v Value) AsUint() uint64 { return v.bits }

// AsFloat returns the value of a KindFloat.
func (v Value) AsFloat() float64 { return math.Float64frombits(v.bits) }

// AsBool returns the value of a KindBool.
func (v Value) AsBool() bool { return v.bits != 0 }

// AsString returns the value of a KindString.
func (v Value) AsString() string { return v.str }
