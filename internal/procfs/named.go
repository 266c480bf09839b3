package procfs

import "fmt"

// Named is a number that stands behind its name at the beginning of a line,
// as in /proc/<pid>/status, /proc/<pid>/io and /proc/vmstat.
type Named struct {
	Name string // with the colon, where the file has one
	Into *uint64
}

// ParseNamed reads numbers of which each has a line of its own, until it has
// all, and returns how many there are.
func ParseNamed(data []byte, all ...Named) (found int, err error) {
	for len(data) > 0 && found < len(all) {
		var line []byte
		line, data = Line(data)
		name, rest := Word(line)
		for _, n := range all {
			if string(name) != n.Name {
				continue
			}
			word, _ := Word(rest)
			value, ok := Uint(word)
			if !ok {
				return found, fmt.Errorf("%s %q is not a number", name, word)
			}
			*n.Into = value
			found++
		}
	}
	return found, nil
}
