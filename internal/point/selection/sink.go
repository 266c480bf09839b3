package selection

import (
	"context"

	"datakit.dev/agent/internal/point"
)

// Sink selects on the way to another sink.
type Sink struct {
	next    point.Sink
	lists   *Lists
	removed func(points int)
}

// Wrap returns a sink that hands to next what lists select, and tells removed
// how many points vanished as a whole.
func Wrap(next point.Sink, lists *Lists, removed func(points int)) *Sink {
	return &Sink{next: next, lists: lists, removed: removed}
}

// Feed implements [point.Sink].
func (s *Sink) Feed(ctx context.Context, c point.Category, pts []point.Point) error {
	kept := pts[:0]
	for i := range pts {
		if s.lists.Apply(&pts[i]) {
			kept = append(kept, pts[i])
		}
	}
	gone := len(pts) - len(kept)
	if len(kept) > 0 {
		if err := s.next.Feed(ctx, c, kept); err != nil {
			return err
		}
	}
	if gone > 0 {
		s.removed(gone)
	}
	return nil
}
