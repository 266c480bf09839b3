package flow

import (
	"hash/maphash"
	"math/bits"
)

// table holds one V per key, at most max of them, in order of arrival. It
// serves one interval and is then reset.
//
// It is a hash table with open addressing. Go's own hashes every part of a
// key, which for keys of many strings costs more than all the rest; here a
// key chooses what of it is worth hashing, and lies in memory once.
type table[K hashed, V any] struct {
	max     int
	peak    int // entries the table was grown for
	seed    seed
	slots   []slot // a power of two, at most half of them taken
	entries []entry[K, V]
}

// hashed are the keys of a table. Equal ones have equal hashes.
type hashed interface {
	comparable
	hash(*seed) uint64
}

type entry[K hashed, V any] struct {
	key   K
	value V
}

// slot says where the entry of a hash is.
type slot struct {
	hash uint32
	at   int32 // one more than the place in entries; 0: free
}

const minSlots = 64

func newTable[K hashed, V any](max int) table[K, V] {
	return table[K, V]{max: max, seed: newSeed(), slots: make([]slot, minSlots)}
}

// find returns the place and the value of k, nil when k is not known. The
// pointer is good until the next entry is added.
func (t *table[K, V]) find(k *K) (at int32, value *V) {
	h := uint32((*k).hash(&t.seed))
	mask := uint32(len(t.slots) - 1)
	for i := h & mask; t.slots[i].at != 0; i = (i + 1) & mask {
		if s := t.slots[i]; s.hash == h {
			if e := &t.entries[s.at-1]; e.key == *k {
				return s.at - 1, &e.value
			}
		}
	}
	return 0, nil
}

func (t *table[K, V]) full() bool { return len(t.entries) >= t.max }

// add enters k, which is not known, with a zero value. The caller has looked
// whether the table is full.
func (t *table[K, V]) add(k *K) (at int32, value *V) {
	t.entries = append(t.entries, entry[K, V]{key: *k})
	if 2*len(t.entries) > len(t.slots) {
		old := t.slots
		t.slots = make([]slot, 2*len(old))
		for _, s := range old {
			if s.at != 0 {
				t.place(s)
			}
		}
	}
	at = int32(len(t.entries) - 1)
	t.place(slot{hash: uint32((*k).hash(&t.seed)), at: at + 1})
	return at, &t.entries[at].value
}

func (t *table[K, V]) place(s slot) {
	mask := uint32(len(t.slots) - 1)
	i := s.hash & mask
	for t.slots[i].at != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

// reset empties the table. It keeps its memory unless that is far more than
// the interval needed.
func (t *table[K, V]) reset() {
	used := len(t.entries)
	t.peak = max(t.peak, used)
	if t.peak > 1024 && used < t.peak/8 {
		t.slots, t.entries, t.peak = make([]slot, minSlots), nil, used
		return
	}
	clear(t.slots)
	clear(t.entries) // lets go of the strings
	t.entries = t.entries[:0]
}

// seed makes the places of keys unpredictable, so that nobody outside can
// choose keys that collide.
type seed struct {
	number uint64
	text   maphash.Seed
}

func newSeed() seed {
	text := maphash.MakeSeed()
	return seed{number: maphash.Bytes(text, nil) | 1, text: text}
}

// mix is the multiplication that wyhash is made of.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
