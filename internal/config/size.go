package config

import (
	"fmt"

	"datakit.dev/agent/internal/size"
)

// Size is a number of bytes that is written with its unit, see [size.Parse].
type Size int64

// UnmarshalText reads "4GiB", "512MB" or "1.5g".
func (s *Size) UnmarshalText(text []byte) error {
	n, err := size.Parse(string(text))
	*s = Size(n)
	return err
}

// MarshalText is [Size.String].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range []struct {
		name  string
		bytes Size
	}{{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}} {
		if s > 0 && s%u.bytes == 0 {
			return fmt.Sprintf("%d%s", s/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%gKB", float64(s)/1e3)
}
