package procfs

import (
	"fmt"
	"strconv"
)

// Loadavg is the content of /proc/loadavg: the mean number of tasks that run
// or wait for a CPU or for I/O, over 1, 5 and 15 minutes.
type Loadavg struct{ One, Five, Fifteen float64 }

// ParseLoadavg reads the content of /proc/loadavg.
func ParseLoadavg(data []byte) (l Loadavg, err error) {
	for _, into := range []*float64{&l.One, &l.Five, &l.Fifteen} {
		var word []byte
		word, data = Word(data)
		if *into, err = strconv.ParseFloat(string(word), 64); err != nil {
			return Loadavg{}, fmt.Errorf("read loadavg: %w", err)
		}
	}
	return l, nil
}
