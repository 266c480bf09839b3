package http

import (
	"math"
	"slices"
)

// held is a segment that waits: bytes before it have not come, or it is a
// response whose request has not.
type held struct {
	view
	kept int // captured bytes, as counted
}

// hold keeps a copy of v.
func (c *Conn) hold(s *stream, v *view) {
	stats := c.cfg.Stats
	at, _ := slices.BinarySearchFunc(s.held, v.pos, func(h held, pos uint64) int {
		switch {
		case h.pos < pos:
			return -1
		case h.pos > pos:
			return 1
		}
		return 0
	})
	if at < len(s.held) && s.held[at].pos == v.pos && s.held[at].n >= v.n {
		stats.Repeated++
		return
	}
	h := held{view: *v, kept: len(v.data)}
	if s.heldBytes+h.kept > 2*maxHeldBytes || stats.Held+int64(h.kept) > maxHeldAll {
		h.data, h.kept = nil, 0
	}
	h.data = slices.Clone(h.data)
	s.heldBytes += h.kept
	stats.Held += int64(h.kept)
	stats.Reordered++
	s.held = slices.Insert(s.held, at, h)
}

// unhold removes the first held segment.
func (c *Conn) unhold(s *stream) {
	s.heldBytes -= s.held[0].kept
	c.cfg.Stats.Held -= int64(s.held[0].kept)
	s.held[0] = held{}
	s.held = s.held[1:]
	if len(s.held) == 0 {
		s.held = nil
	}
}

// forever is a time by which nothing waits any more.
const forever = math.MaxInt64

// overdue reports that the first held segment has waited long enough.
func (c *Conn) overdue(s *stream, now int64) bool {
	return now == forever || len(s.held) > maxHeld || s.heldBytes > maxHeldBytes || now-s.held[0].time > maxWait
}

// drain takes the held segments whose turn has come.
func (c *Conn) drain(now int64, out func(*Exchange)) {
	for progress := true; progress; {
		progress = false
		for from := Local; from <= Remote; from++ {
			for s := &c.sides[from]; len(s.held) > 0 && c.retry(from, c.overdue(s, now), out); {
				progress = true
			}
		}
	}
}

// retry tries to take the first held segment of a side; late, it does not let
// it wait longer. It returns whether anything changed.
func (c *Conn) retry(from Side, late bool, out func(*Exchange)) bool {
	s := &c.sides[from]
	h := &s.held[0]
	if !s.trim(&h.view) {
		c.unhold(s)
		return true
	}
	if !s.follows(&h.view) {
		if !late {
			return false
		}
		c.gap(from, h.pos, h.time, out)
		if len(s.held) == 0 {
			return true
		}
	}
	n := h.n
	if !c.take(from, &h.view, out) {
		if !late {
			return h.n < n
		}
		if client := c.client; c.verdict == HTTP && len(c.sides[client].held) > 0 {
			return c.retry(client, true, out) // it may bring what this one waits for
		}
		c.giveUp(from, &h.view, out)
	}
	if len(s.held) > 0 && h.n == 0 {
		c.unhold(s)
	}
	return true
}
