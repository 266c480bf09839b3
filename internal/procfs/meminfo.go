package procfs

import "fmt"

// Meminfo is the content of /proc/meminfo. It may be parsed into again.
type Meminfo struct {
	names  []string
	values []uint64
}

// Parse reads the content of /proc/meminfo: lines "Name:  number kB", where
// kB are units of 1024 bytes, or "Name:  number" for counts.
func (m *Meminfo) Parse(data []byte) error {
	n := 0
	for len(data) > 0 {
		var line []byte
		line, data = Line(data)
		name, rest := Word(line)
		word, rest := Word(rest)
		value, ok := Uint(word)
		if len(name) < 2 || name[len(name)-1] != ':' || !ok {
			continue
		}
		if unit, _ := Word(rest); string(unit) == "kB" {
			value *= 1024
		}
		name = name[:len(name)-1]
		if n == len(m.names) {
			m.names, m.values = append(m.names, ""), append(m.values, 0)
		}
		if m.names[n] != string(name) {
			m.names[n] = string(name)
		}
		m.values[n] = value
		n++
	}
	m.names, m.values = m.names[:n], m.values[:n]
	if total, _ := m.Get("MemTotal"); total == 0 {
		return fmt.Errorf("read meminfo: no MemTotal")
	}
	return nil
}

// Get returns an entry, in bytes, or as a number where it is a count.
func (m *Meminfo) Get(name string) (uint64, bool) {
	for i, n := range m.names {
		if n == name {
			return m.values[i], true
		}
	}
	return 0, false
}

// value is Get with zero for what is absent.
func (m *Meminfo) value(name string) uint64 {
	v, _ := m.Get(name)
	return v
}

// Total is the memory of the machine, in bytes.
func (m *Meminfo) Total() uint64 { return m.value("MemTotal") }

// Available is how much could be used without swapping, in bytes: as the
// kernel estimates it, before Linux 3.14 what is free or caches files.
func (m *Meminfo) Available() uint64 {
	if v, ok := m.Get("MemAvailable"); ok {
		return min(v, m.Total())
	}
	return min(m.value("MemFree")+m.value("Buffers")+m.value("Cached"), m.Total())
}

// Used is Total less Available, as free(1) shows it from procps 4 on.
func (m *Meminfo) Used() uint64 { return m.Total() - m.Available() }

// Percent is part of whole in percent; 0 when there is no whole.
func Percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}
