package tls

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Found is what the finder has found, since the start unless it says now.
type Found struct {
	Files     [libraries]int   // with probes, now
	Processes int              // that use one of them, now
	Reasons   map[string]int64 // why a file was left alone
	Hints     int64            // lost: the process was found later, by a look at /proc
}

// String says where probes are: "2 openssl, 1 go, in 7 processes".
func (f Found) String() string {
	var parts []string
	for l, n := range f.Files {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", n, library(l)))
		}
	}
	if parts == nil {
		return "none in use"
	}
	return fmt.Sprintf("%s, in %d processes", strings.Join(parts, ", "), f.Processes)
}

// reasons says why files were left alone, "" when none was.
func (f Found) reasons() string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(f.Reasons)) {
		parts = append(parts, fmt.Sprintf("%s: %d", reason, f.Reasons[reason]))
	}
	return strings.Join(parts, ", ")
}
