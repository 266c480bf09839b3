package tls

import (
	"errors"
	"testing"

	"datakit.dev/agent/internal/ledger"
)

// TestTable: what had to go is what was entered, was not taken out and is not
// there, whatever moves while it is counted.
func TestTable(t *testing.T) {
	type step struct{ in, outBefore, outAfter, there int64 }
	for _, tt := range []struct {
		name    string
		steps   []step
		counted int
		want    [3]int64 // ended, evicted, held
	}{
		{"room for all", []step{{50, 20, 20, -1}}, 0, [3]int64{20, 0, 30}},
		{"full, and nothing had to go", []step{{200, 100, 100, 100}}, 1, [3]int64{100, 0, 100}},
		{"some had to go", []step{{200, 50, 50, 100}}, 1, [3]int64{50, 50, 100}},
		{"and are not forgotten", []step{{200, 50, 50, 100}, {210, 150, 150, 10}}, 2, [3]int64{150, 50, 10}},
		{"one ends before it is counted", []step{{200, 100, 101, 99}}, 1, [3]int64{101, 0, 99}},
		{"one comes before it is counted", []step{{200, 100, 100, 101}}, 1, [3]int64{100, 0, 100}},
		{"fewer had to go than was known", []step{{200, 50, 50, 100}, {200, 50, 50, 120}}, 2, [3]int64{50, 50, 100}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			counted := 0
			var now step
			table := &table{name: "sessions", entered: callsCounterCOUNT_OPENED, left: callsCounterCOUNT_ENDED, room: 64,
				count: func() (int64, error) { counted++; return now.there, nil }}
			for _, now = range tt.steps {
				before := counters{callsCounterCOUNT_OPENED: now.in, callsCounterCOUNT_ENDED: now.outBefore}
				must(t, table.take(&before, func() (counters, error) {
					return counters{callsCounterCOUNT_OPENED: now.in + 3, callsCounterCOUNT_ENDED: now.outAfter}, nil
				}, 1))
			}
			if got := [3]int64{table.out, table.evicted, table.held}; got != tt.want || counted != tt.counted {
				t.Errorf("ended, evicted, held: %d, counted %d times; want %d, %d", got, counted, tt.want, tt.counted)
			}
			must(t, ledger.Check([]ledger.Account{table.account()}))
		})
	}
}

func TestTableFails(t *testing.T) {
	boom := errors.New("boom")
	table := &table{left: noCounter, count: func() (int64, error) { return 0, boom }}
	if err := table.take(&counters{callsCounterCOUNT_SEGMENTS: 1}, nil, 1); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
}
