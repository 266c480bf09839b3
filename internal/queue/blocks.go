package queue

import (
	"errors"
	"iter"
)

// errStop ends a scan early.
var errStop = errors.New("stop")

// Blocks iterates over the good records of a stopped queue, category by
// category, oldest first. With a backend in the filter these are the ones it
// has queued; without one all that are on disk, delivered ones among them (as
// long as their segment exists). The queue is locked during the iteration. A
// payload is valid until the next step. An error ends the iteration.
func Blocks(dir string, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := offline(dir, func() error {
			logs, err := logDirs(dir, f)
			if err != nil {
				return err
			}
			for _, d := range logs {
				if err := d.blocks(f, yield); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Entry{}, err)
		}
	}
}

func (d logDir) blocks(f Filter, yield func(Entry, error) bool) error {
	from := uint64(0)
	if f.Backend != "" {
		c, err := d.cursor(f.Backend)
		if err != nil {
			return err
		}
		from = c.at.seq // 0 if the cursor is damaged
	}
	return d.scan(func(_ segmentFile, s stretch) error {
		if s.kind != whole || s.head.seq < from || !f.time(s.head.written) {
			return nil
		}
		if !yield(s.entry(), nil) {
			return errStop
		}
		return nil
	})
}
