package process

import (
	"bytes"
	"fmt"
	"strconv"
)

// stat is what is used of /proc/<pid>/stat, see proc(5).
type stat struct {
	name  string
	start uint64
}

// Fields of the file after the name, counted from the state (field 3).
const (
	startField = 22 - 3 // starttime, clock ticks after boot
)

// parseStat reads the content of /proc/<pid>/stat. The name stands in
// parentheses and may itself hold parentheses, spaces and line ends, so it
// reaches to the last closing one.
func parseStat(data []byte) (stat, error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return stat{}, fmt.Errorf("read process stat: no name in parentheses")
	}
	fields := bytes.Fields(data[end+1:])
	if len(fields) <= startField {
		return stat{}, fmt.Errorf("read process stat: %d fields after the name, want more than %d", len(fields), startField)
	}
	start, err := strconv.ParseUint(string(fields[startField]), 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("read process stat: start time: %w", err)
	}
	return stat{name: string(data[open+1 : end]), start: start}, nil
}
