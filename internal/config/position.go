package config

import (
	"fmt"
	"strings"
)

// positions maps the dotted path of a key, with an index for each element of
// an array of tables ("backends[1].url"), to its line.
type positions map[string]int

// locate finds the line of every key and table in text.
func locate(text string) positions {
	p := positions{}
	elements := map[string]int{} // tables of an array seen so far
	table := ""
	for _, st := range statements(text) {
		path := table
		if st.header {
			path = ""
		}
		for i, part := range st.path {
			path = dotted(path, part)
			last := i == len(st.path)-1
			switch {
			case last && st.header && st.array:
				elements[path]++
				path = fmt.Sprintf("%s[%d]", path, elements[path]-1)
			case elements[path] > 0:
				path = fmt.Sprintf("%s[%d]", path, elements[path]-1)
			}
			if _, known := p[path]; !known {
				p[path] = st.line
			}
		}
		if st.header {
			table = path
		}
	}
	return p
}

// line returns where path is, or else the nearest table around it.
func (p positions) line(path string) int {
	for path != "" {
		if line, ok := p[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

func dotted(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
