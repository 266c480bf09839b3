package config

import (
	"fmt"
	"strings"
)

// suggest returns "; did you mean "x"?" for the name closest to word, or a
// list of what is allowed when it is short, or "".
func suggest(word string, names []string) string {
	best, distance := "", min(max(2, len(word)/3), len(word)-1)+1
	for _, n := range names {
		if d := editDistance(strings.ToLower(word), strings.ToLower(n)); d < distance {
			best, distance = n, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(names) > 0 && len(names) <= 12:
		return "; allowed are " + strings.Join(names, ", ")
	}
	return ""
}

// editDistance is the Levenshtein distance of two short words. It gives up
// on long ones.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitute := diagonal
			if a[i-1] != b[j-1] {
				substitute++
			}
			diagonal = row[j]
			row[j] = min(substitute, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
