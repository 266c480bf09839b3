package point

import "fmt"

// WarningType names a point rule that a point broke. The names are those
// DataKit shows to clients that post with "strict" or "echo".
type WarningType string

// The point rules.
const (
	WarnMaxTags       WarningType = "exceed_max_tags"
	WarnMaxFields     WarningType = "exceed_max_fields"
	WarnMaxKey        WarningType = "max_key_len"
	WarnMaxTagValue   WarningType = "max_tag_value_len"
	WarnMaxFieldValue WarningType = "max_field_value_len"
	WarnMaxName       WarningType = "max_measurement_len"
	WarnName          WarningType = "invalid_measurement"
	WarnTagKey        WarningType = "invalid_tag_key"
	WarnTagValue      WarningType = "invalid_tag_value"
	WarnFieldKey      WarningType = "invalid_field_key"
	WarnFieldValue    WarningType = "invalid_field_value"
	WarnFieldType     WarningType = "invalid_field_type"
	WarnNaN           WarningType = "field_is_not_a_number"
	WarnNilField      WarningType = "nil_field"
	WarnDot           WarningType = "dot_in_key"
	WarnNewline       WarningType = "found_new_line_or_tail_escape"
	WarnConflict      WarningType = "key_name_conflict"
	WarnDisabled      WarningType = "disabled_key"
	WarnNoFields      WarningType = "no_fields"
)

// Warning tells that a point broke a rule and what was done about it.
type Warning struct {
	Type WarningType
	Text string
}

// Warn receives the warnings about a point; nil discards them.
type Warn func(Warning)

func (w Warn) emit(t WarningType, format string, args ...any) {
	if w != nil {
		w(Warning{Type: t, Text: fmt.Sprintf(format, args...)})
	}
}
