package procfs

import (
	"fmt"
	"strconv"
)

// ConntrackStat are the counters of connection tracking, summed over CPUs.
type ConntrackStat struct {
	Found, Invalid, Ignore, Insert, InsertFailed, Drop, EarlyDrop, SearchRestart uint64
}

// ParseConntrackStat reads the content of /proc/net/stat/nf_conntrack: a
// line of names, then a line of hexadecimal numbers per CPU. The columns
// differ by kernel, so they are found by name.
func ParseConntrackStat(data []byte) (s ConntrackStat, err error) {
	header, data := Line(data)
	var columns []*uint64
	for {
		var word []byte
		if word, header = Word(header); len(word) == 0 {
			break
		}
		columns = append(columns, map[string]*uint64{
			"found": &s.Found, "invalid": &s.Invalid, "ignore": &s.Ignore, "insert": &s.Insert,
			"insert_failed": &s.InsertFailed, "drop": &s.Drop, "early_drop": &s.EarlyDrop,
			"search_restart": &s.SearchRestart,
		}[string(word)])
	}
	if len(columns) == 0 {
		return s, fmt.Errorf("read nf_conntrack: no header")
	}
	for len(data) > 0 {
		var line []byte
		line, data = Line(data)
		for _, into := range columns {
			var word []byte
			if word, line = Word(line); into == nil {
				continue
			}
			n, err := strconv.ParseUint(string(word), 16, 64)
			if err != nil {
				return s, fmt.Errorf("read nf_conntrack: %w", err)
			}
			*into += n
		}
	}
	return s, nil
}

// FileNr is the content of /proc/sys/fs/file-nr.
type FileNr struct{ Allocated, Max uint64 }

// ParseFileNr reads the content of /proc/sys/fs/file-nr: allocated file
// handles, a zero, and how many there may be.
func ParseFileNr(data []byte) (FileNr, error) {
	var n [3]uint64
	if uints(data, n[:]) != len(n) {
		return FileNr{}, fmt.Errorf("read file-nr: %q are not three numbers", data)
	}
	return FileNr{Allocated: n[0], Max: n[2]}, nil
}
