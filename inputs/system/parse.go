package system

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// parseUptime reads the seconds since boot from the content of /proc/uptime.
func parseUptime(data []byte) (seconds uint64, err error) {
	word, _ := procfs.Word(data)
	f, err := strconv.ParseFloat(string(word), 64)
	if err != nil || !(f >= 0 && f < 1e12) {
		return 0, fmt.Errorf("read uptime: %q is not a time", word)
	}
	return uint64(f), nil
}

// parsePressure reads the content of a file below /proc/pressure, see
// Documentation/accounting/psi.rst:
//
//	some avg10=0.12 avg60=0.00 avg300=0.00 total=34186669
//	full avg10=0.00 avg60=0.00 avg300=0.00 total=21133113
//
// The file of the CPU has no line "full" before Linux 5.13, that of
// interrupts no line "some".
func parsePressure(data []byte) ([]point.Field, error) {
	var fields []point.Field
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "some" && words[0] != "full" {
			return nil, fmt.Errorf("read pressure: unexpected line %q", line)
		}
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			key := words[0] + "_" + name
			switch name {
			case "total":
				n, ok := procfs.Uint([]byte(value))
				if !ok {
					return nil, fmt.Errorf("read pressure: %q is not a number", word)
				}
				fields = append(fields, integer(key, n))
			case "avg10", "avg60", "avg300":
				f, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return nil, fmt.Errorf("read pressure: %w", err)
				}
				fields = append(fields, float(key, f))
			}
		}
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("read pressure: the file is empty")
	}
	return fields, nil
}

// unavailable reports whether a kernel has no pressure file, or one that it
// refuses to fill because of psi=0 (EOPNOTSUPP).
func unavailable(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP)
}
