package flow

import (
	"math/rand/v2"
	"testing"
)

// number is a key that collides with every other hundredth.
type number int

func (n number) hash(*seed) uint64 { return uint64(n % 100) }

// TestTableIsAMap compares a table with a map.
func TestTableIsAMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	table := newTable[number, int](500)
	for _, used := range []int{10, 2000, 100, 3000, 5} {
		want := map[number]int{}
		var order []number
		for i := range used {
			k := number(rnd.IntN(1000))
			_, v := table.find(&k)
			_, known := want[k]
			if (v != nil) != known {
				t.Fatalf("key %d: found %v, want %v", k, v != nil, known)
			}
			if v == nil {
				if table.full() != (len(want) == 500) {
					t.Fatalf("full with %d entries: %v", len(want), table.full())
				}
				if table.full() {
					continue
				}
				_, v = table.add(&k)
				order = append(order, k)
			}
			*v += i
			want[k] += i
		}
		if len(table.entries) != len(want) {
			t.Fatalf("%d entries, want %d", len(table.entries), len(want))
		}
		for i, e := range table.entries {
			if e.key != order[i] || e.value != want[e.key] {
				t.Errorf("entry %d: %d = %d, want %d = %d", i, e.key, e.value, order[i], want[e.key])
			}
			if at, _ := table.find(&e.key); int(at) != i {
				t.Errorf("entry %d is found at %d", i, at)
			}
		}
		table.reset()
		for k := range want {
			if _, v := table.find(&k); v != nil {
				t.Fatalf("key %d survives the interval", k)
			}
		}
	}
}
