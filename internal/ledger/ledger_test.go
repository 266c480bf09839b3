package ledger

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestBalance(t *testing.T) {
	tests := map[string]struct {
		account Account
		want    int64
	}{
		"empty":    {Account{}, 0},
		"balanced": {Account{In: []Entry{{Count: 5}, {Count: 2}}, Out: []Entry{{Count: 4}}, Held: []Entry{{Count: 3}}}, 0},
		"lost":     {Account{In: []Entry{{Count: 5}}, Out: []Entry{{Count: 4}}}, 1},
		"invented": {Account{In: []Entry{{Count: 5}}, Out: []Entry{{Count: 4}}, Held: []Entry{{Count: 2}}}, -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.account.Balance(); got != test.want {
				t.Errorf("balance = %d, want %d", got, test.want)
			}
		})
	}
}

func TestCheckNamesTheAccount(t *testing.T) {
	good := Account{Name: "points/a", Unit: "points", In: []Entry{{Count: 1}}, Out: []Entry{{Count: 1}}}
	bad := Account{Name: "points/b", Unit: "points", In: []Entry{{Count: 3}}, Out: []Entry{{Count: 1}}}
	if err := Check([]Account{good}); err != nil {
		t.Errorf("a balanced account: %v", err)
	}
	err := Check([]Account{good, bad})
	if err == nil || !strings.Contains(err.Error(), "points/b does not add up: +2 points") {
		t.Errorf("error = %v, want one that names points/b and +2 points", err)
	}
}

// Two counters that move together are never seen apart.
func TestSnapshotSeesNoHalfStep(t *testing.T) {
	var book Book
	var pending, queued atomic.Int64
	const total = 1 << 30
	pending.Store(total)
	book.Add(func() []Account {
		return []Account{{
			Name: "points",
			In:   []Entry{{Name: "captured", Count: total}},
			Held: []Entry{{Name: "pending", Count: pending.Load()}, {Name: "queued", Count: queued.Load()}},
		}}
	})

	stop := make(chan struct{})
	var movers sync.WaitGroup
	for range 4 {
		movers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				book.Step(func() { pending.Add(-1); queued.Add(1) })
			}
		})
	}
	for range 2000 {
		if err := Check(book.Snapshot()); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	movers.Wait()
}
