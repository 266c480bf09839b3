package track

// class is what the life of a connection depends on.
type class uint8

const (
	unanswered class = iota // only one end sent something
	open
	over

	classes
)

// String is the name in counters.
func (c class) String() string {
	return [...]string{"unanswered", "open", "closed"}[c]
}

// list is the connections of one class, by the time of their latest packet.
// To spare work on every packet, the order is exact to a second only.
type list struct{ oldest, newest uint32 } // numbers, 0: none

const second = 1_000_000_000

func (t *Table) link(c *Conn) {
	l := &t.lists[c.class]
	number := c.Slot + 1
	c.older, c.newer = l.newest, 0
	if l.newest != 0 {
		t.at(l.newest).newer = number
	} else {
		l.oldest = number
	}
	l.newest = number
}

func (t *Table) unlink(c *Conn) {
	l := &t.lists[c.class]
	if c.older != 0 {
		t.at(c.older).newer = c.newer
	} else {
		l.oldest = c.newer
	}
	if c.newer != 0 {
		t.at(c.newer).older = c.older
	} else {
		l.newest = c.older
	}
}

// touch notes that a connection is alive at a time and of a class.
func (t *Table) touch(c *Conn, at int64, k class) {
	moved := k != c.class || at/second != c.Latest/second
	if moved {
		t.unlink(c)
		c.class = k
		t.link(c)
	}
	if at > c.Latest {
		c.Latest = at
	}
}
