package http

import "bytes"

const (
	defaultTableSize = 4096
	maxTableSize     = 64 << 10 // larger ones are followed as far as this
	entryOverhead    = 32       // RFC 7541 §4.1
)

// table is the dynamic table of one direction, as far as it was seen being
// filled. What was seen last is certain even when what came before was not:
// indices count from the newest entry, and entries are evicted by the sizes of
// those that are newer. So an index is either right or unknown, never wrong.
type table struct {
	all     []entry // newest last; those before first were evicted
	first   int
	size    int  // of the entries; of those with unknown name at least
	max     int  // what the encoder set, at most maxTableSize
	partial bool // there may be entries older than the first
}

// entry is an element of the table. Its name is nil when it is unknown.
type entry struct{ field }

func (e *entry) size() int { return len(e.name) + len(e.value) + entryOverhead }

func newTable(partial bool) table { return table{max: defaultTableSize, partial: partial} }

// lose forgets everything: insertions were missed.
func (t *table) lose() { *t = table{max: t.max, partial: true} }

// add inserts a field. named says that its name came from a table; the rest
// is copied.
func (t *table) add(f field, named bool) {
	if f.value = bytes.Clone(f.value); !named {
		f.name = bytes.Clone(f.name)
	}
	if len(t.all) == cap(t.all) && t.first > len(t.all)/2 {
		left := copy(t.all, t.all[t.first:]) // rather than grow
		clear(t.all[left:])
		t.all, t.first = t.all[:left], 0
	}
	e := entry{f}
	t.all = append(t.all, e)
	t.size += e.size()
	t.evict()
}

// resize follows the encoder.
func (t *table) resize(size uint64) {
	if size > maxTableSize {
		t.partial, size = true, maxTableSize // it may refer to what is evicted here
	}
	t.max = int(size)
	t.evict()
	if size == 0 {
		t.partial = false // it is empty for certain
	}
}

func (t *table) evict() {
	for ; t.size > t.max && t.first < len(t.all); t.first++ {
		t.size -= t.all[t.first].size()
		t.all[t.first] = entry{}
	}
}

// entries returns how many there are.
func (t *table) entries() int { return len(t.all) - t.first }

// at returns the entry of an index, counted through both tables (RFC 7541
// §2.3.3). A nil name is an entry that was not seen; !ok one that cannot be.
func (t *table) at(index uint64) (f field, ok bool) {
	switch {
	case index == 0:
		return field{}, false
	case index <= uint64(len(staticTable)):
		return staticTable[index-1], true
	}
	index -= uint64(len(staticTable)) + 1
	if index < uint64(t.entries()) {
		return t.all[len(t.all)-1-int(index)].field, true
	}
	return field{}, t.partial && index < maxTableSize
}
