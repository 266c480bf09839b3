package queue

// Ack says that the first n outstanding entries are delivered. Their points
// count as uploaded, and the cursor moves durably behind them: should the
// process die from now on, they are not read again. Their memory is reused.
func (c *Cursor) Ack(n int) { c.finish(n, nil, "") }

// Reject says that the first n outstanding entries will never be delivered.
// Their points count as dropped for that reason; otherwise it is like Ack.
func (c *Cursor) Reject(n int, reason string) { c.finish(n, nil, reason) }

// Settle says that the first outstanding entry is delivered in part. The
// points in dropped count as dropped for those reasons, the others as
// uploaded; otherwise it is like Ack(1).
func (c *Cursor) Settle(dropped map[string]int64) { c.finish(1, dropped, "") }

// finish removes n entries from what is outstanding; more than there are do
// not count. Of their points those in dropped count by reason, the others for
// reason, or as uploaded when that is "".
func (c *Cursor) finish(n int, dropped map[string]int64, reason string) {
	j := c.j
	var moved bool
	j.cfg.Book.Step(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		n = min(n, len(c.out))
		if n <= 0 {
			return
		}
		var points int64
		for _, h := range c.out[:n] {
			points += h.points
			if h.batch.left--; h.batch.left == 0 {
				j.buffers.put(h.batch)
			}
		}
		before := c.pos.base
		last := c.out[n-1]
		if last.end.seq > c.pos.seq { // else dropped meanwhile
			c.pos = last.end
		}
		c.out = append(c.out[:0], c.out[n:]...)
		c.held -= points
		for reason, part := range dropped {
			part = min(part, points)
			points -= part
			c.drop(reason, part)
		}
		if reason == "" {
			c.count.uploaded += points
		} else {
			c.drop(reason, points)
		}
		c.oldest = last.written // a lower bound until Next reads the next one
		if len(c.out) > 0 {
			c.oldest = c.out[0].written
		}
		moved = c.pos.base != before
		j.changed.broadcast()
	})
	if n <= 0 {
		return
	}
	c.save()
	if moved || j.room.pressed() {
		poke(j.urgent)
	}
}

// Rewind makes Next begin again behind the last acknowledged entry. What was
// outstanding stays readable, but can no longer be acknowledged.
func (c *Cursor) Rewind() {
	j := c.j
	j.cfg.Book.Step(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		// What the bound took from the disk cannot be read again.
		for _, h := range c.out {
			if h.end.seq <= c.pos.seq {
				c.drop(QueueFull, h.points)
			}
		}
		c.out, c.held = c.out[:0], 0
		c.read = c.pos
		c.turn++
		j.changed.broadcast()
	})
}

// overrun moves the cursor to p, the beginning of what is left on disk.
// Entries that are outstanding stay with their holder, who may still deliver
// them. The caller holds j.mu and is in a step.
func (c *Cursor) overrun(p position, written int64) {
	if c.read.seq < p.seq {
		c.drop(QueueFull, int64(p.points-c.read.points))
		c.read = p
		c.turn++
		if len(c.out) == 0 {
			c.oldest = written
		}
	}
	if c.pos.seq < p.seq {
		c.pos = p
	}
}

// drop counts points that will not be delivered. The caller holds j.mu and is
// in a step.
func (c *Cursor) drop(reason string, points int64) {
	if points == 0 {
		return
	}
	if c.count.dropped == nil {
		c.count.dropped = make(map[string]int64)
	}
	c.count.dropped[reason] += points
}

// save writes the position to the cursor file. Failures are counted, and
// repeated with the next save or sync: until then a restart would deliver some
// blocks twice.
func (c *Cursor) save() {
	c.saving.Lock()
	defer c.saving.Unlock()
	c.saveLocked()
	poke(c.j.dirty)
}

func (c *Cursor) saveLocked() {
	c.j.mu.Lock()
	p := c.pos
	c.j.mu.Unlock()
	if p == c.saved || c.disk == nil {
		return
	}
	if err := c.disk.save(p); err != nil {
		if c.j.faults.cursors.Add(1) == 1 {
			c.j.cfg.Log.Error("queue cannot save a position", "category", c.j.category, "backend", c.backend, "error", err)
		}
		return
	}
	c.saved, c.synced = p, false
}

// sync makes the saved position survive the loss of power.
func (c *Cursor) sync() {
	c.saving.Lock()
	defer c.saving.Unlock()
	c.saveLocked()
	if c.synced || c.disk == nil {
		return
	}
	if err := c.disk.f.Sync(); err != nil {
		c.j.faults.cursors.Add(1)
		return
	}
	c.synced = true
}

// close ends the use of the cursor; Next returns [ErrClosed].
func (c *Cursor) close() error {
	c.j.mu.Lock()
	c.removed = true
	c.j.changed.broadcast()
	c.j.mu.Unlock()

	c.reading.Lock()
	c.release()
	c.reading.Unlock()

	c.saving.Lock()
	defer c.saving.Unlock()
	if c.disk == nil {
		return nil
	}
	f := c.disk.f
	c.disk = nil
	return f.Close()
}
