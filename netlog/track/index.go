package track

// index finds connections by hash: open addressing with linear probing, kept
// dense by moving entries back on removal (Knuth 6.4, algorithm R).
type index struct {
	cells []cell
	mask  uint32
	used  int
}

type cell struct {
	hash   uint32
	number uint32 // of the connection, 0: empty
}

const minCells = 1024

func newIndex() index { return index{cells: make([]cell, minCells), mask: minCells - 1} }

// insert adds a connection that is not there.
func (x *index) insert(hash, number uint32) {
	if x.used >= len(x.cells)/4*3 {
		x.grow()
	}
	x.put(hash, number)
	x.used++
}

func (x *index) put(hash, number uint32) {
	i := hash & x.mask
	for x.cells[i].number != 0 {
		i = (i + 1) & x.mask
	}
	x.cells[i] = cell{hash, number}
}

func (x *index) grow() {
	old := x.cells
	x.cells = make([]cell, 2*len(old))
	x.mask = uint32(len(x.cells) - 1)
	for _, c := range old {
		if c.number != 0 {
			x.put(c.hash, c.number)
		}
	}
}

// remove takes a connection out.
func (x *index) remove(hash, number uint32) {
	i := hash & x.mask
	for x.cells[i].number != number {
		i = (i + 1) & x.mask
	}
	x.used--
	for j := i; ; {
		x.cells[i] = cell{}
		for {
			j = (j + 1) & x.mask
			if x.cells[j].number == 0 {
				return
			}
			if home := x.cells[j].hash & x.mask; (j-home)&x.mask >= (j-i)&x.mask {
				break // may lie at i: i is between its home and j
			}
		}
		x.cells[i] = x.cells[j]
		i = j
	}
}
