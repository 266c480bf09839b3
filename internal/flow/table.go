package flow

// table holds one V per key, at most max of them, in order of arrival. It
// serves one interval and is then reset.
type table[K comparable, V any] struct {
	max     int
	peak    int // entries the table was grown for
	index   map[K]int32
	entries []entry[K, V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newTable[K comparable, V any](max int) table[K, V] {
	return table[K, V]{max: max, index: map[K]int32{}}
}

// find returns the place of k.
func (t *table[K, V]) find(k *K) (at int32, known bool) {
	at, known = t.index[*k]
	return at, known
}

func (t *table[K, V]) full() bool { return len(t.entries) >= t.max }

// add enters k, which is not known, with a zero value. The caller has looked
// whether the table is full.
func (t *table[K, V]) add(k *K) (at int32) {
	at = int32(len(t.entries))
	t.entries = append(t.entries, entry[K, V]{key: *k})
	t.index[*k] = at
	return at
}

// reset empties the table. It keeps its memory unless that is far more than
// the interval needed.
func (t *table[K, V]) reset() {
	used := len(t.entries)
	t.peak = max(t.peak, used)
	if t.peak > 1024 && used < t.peak/8 {
		t.index, t.entries, t.peak = make(map[K]int32, used), make([]entry[K, V], 0, used), used
		return
	}
	clear(t.index)
	clear(t.entries) // lets go of the strings
	t.entries = t.entries[:0]
}
