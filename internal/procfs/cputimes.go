package procfs

import (
	"bytes"
	"fmt"
)

// States of a CPU, in the order of the columns of /proc/stat.
const (
	User = iota // includes Guest
	Nice        // includes GuestNice
	System
	Idle
	IOWait
	IRQ
	SoftIRQ
	Steal
	Guest
	GuestNice
	CPUStates
)

// CPUTimes are the times a CPU has spent per state since boot, in clock
// ticks (USER_HZ, 1/100 s on all common platforms).
type CPUTimes struct {
	Name  string // "cpu" for the sum over all, "cpu0" …
	Ticks [CPUStates]uint64
}

// Total is the sum over all states, guests counted once.
func (t *CPUTimes) Total() (sum uint64) {
	for _, v := range t.Ticks[:Guest] {
		sum += v
	}
	return sum
}

// Stat is what is used of /proc/stat. It may be parsed into again.
type Stat struct {
	CPUs     []CPUTimes // the sum first, then the CPUs that are online
	BootTime uint64     // seconds since the Unix epoch
}

// Online is the number of CPUs that are online.
func (s *Stat) Online() int { return len(s.CPUs) - 1 }

// Parse reads the content of /proc/stat.
func (s *Stat) Parse(data []byte) error {
	old := s.CPUs
	s.CPUs, s.BootTime = s.CPUs[:0], 0
	for len(data) > 0 {
		var line []byte
		line, data = Line(data)
		name, rest := Word(line)
		switch {
		case bytes.HasPrefix(name, []byte("cpu")):
			t := CPUTimes{Name: nameOf(old, len(s.CPUs), name)}
			if n := uints(rest, t.Ticks[:]); n <= Idle {
				return fmt.Errorf("read stat: %d times of %s, want at least 4", n, name)
			}
			s.CPUs = append(s.CPUs, t)
		case string(name) == "btime":
			word, _ := Word(rest)
			s.BootTime, _ = Uint(word)
			data = nil // what follows is not used
		}
	}
	if len(s.CPUs) == 0 || s.CPUs[0].Name != "cpu" {
		return fmt.Errorf("read stat: no line \"cpu\"")
	}
	return nil
}

// nameOf saves an allocation: CPUs rarely come and go.
func nameOf(old []CPUTimes, i int, name []byte) string {
	if i < len(old) && old[i].Name == string(name) {
		return old[i].Name
	}
	return string(name)
}
