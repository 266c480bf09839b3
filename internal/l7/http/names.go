package http

import "hash/maphash"

// Names keeps the strings that exchanges have in common, so that a path seen
// before costs no allocation. It forgets a string when another one with the
// same hash comes, so its size is fixed. One goroutine.
type Names struct {
	seed  maphash.Seed
	slots [namesSlots]string
}

const (
	namesSlots = 4096
	namesLen   = 256 // longer ones are not kept
)

// NewNames makes an empty one, of 64 KiB and at most 1 MiB of strings.
func NewNames() *Names { return &Names{seed: maphash.MakeSeed()} }

// of returns b as a string.
func (n *Names) of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if n == nil || len(b) > namesLen {
		return string(b)
	}
	slot := &n.slots[maphash.Bytes(n.seed, b)%namesSlots]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}
