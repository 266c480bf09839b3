package container

import (
	"context"
	"sync"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point/selection"
	"datakit.dev/agent/plugins"
)

// selecting is a sink that leaves out what the lists of the block say. Logs do
// not pass it.
type selecting struct {
	next  plugins.Sink
	lists *selection.Lists

	mu                           sync.Mutex
	gathered, captured, filtered int64
}

// Feed implements [plugins.Sink].
func (s *selecting) Feed(ctx context.Context, c plugins.Category, pts []plugins.Point) error {
	gathered, kept, filtered := len(pts), pts[:0], 0
	for i := range pts {
		if s.lists.Apply(&pts[i]) {
			kept = append(kept, pts[i])
		} else {
			filtered++
		}
	}
	if err := s.next.Feed(ctx, c, kept); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gathered += int64(gathered)
	s.captured += int64(len(kept))
	s.filtered += int64(filtered)
	return nil
}

func (s *selecting) account() ledger.Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ledger.Account{
		Name: "events/" + Name + "/points", Unit: "points",
		In:  []ledger.Entry{{Name: "gathered", Count: s.gathered}},
		Out: []ledger.Entry{{Name: "captured", Count: s.captured}, {Name: "filtered", Count: s.filtered}},
	}
}
