package tls

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/cilium/ebpf"

	"datakit.dev/agent/internal/ledger"
)

// table is one in the kernel that makes room by letting go what was used
// longest ago: sessions and reads of processes that were killed, threads that
// ended, and when there are too many, what is still needed. The kernel does
// not tell. So now and then it is counted what is there.
type table struct {
	name          string
	entered, left callsCounter
	count         func() (int64, error)
	room          int64 // up to as many none has to go

	// As of the last time.
	in, out, held, evicted int64
	taken                  int64 // ns, of the monotonic clock
}

const (
	tableTime = 10 * time.Second // between two counts
	noCounter = callsCounterCOUNTERS

	// Each CPU takes as many free entries for itself (LOCAL_FREE_TARGET of
	// kernel/bpf/bpf_lru_list.c), so that others have to go before a table
	// is full.
	freePerCPU = 128
)

func newTables(byName func(string) *ebpf.Map) []*table {
	made := []*table{
		{name: "sessions", entered: callsCounterCOUNT_OPENED, left: callsCounterCOUNT_ENDED, count: counting[callsSessionKey, callsSession](byName("sessions"))},
		{name: "threads", entered: callsCounterCOUNT_THREADS, left: noCounter, count: counting[uint64, callsThread](byName("threads"))},
		{name: "reads", entered: callsCounterCOUNT_READS, left: callsCounterCOUNT_READS_ENDED, count: counting[goTLSGoroutine, goTLSReading](byName("readings"))},
	}
	for i, m := range []string{"sessions", "threads", "readings"} {
		made[i].room = int64(byName(m).MaxEntries()) - int64(freePerCPU*runtime.NumCPU())
	}
	return made
}

// counting returns what counts the entries of a map, in pieces.
func counting[K, V any](m *ebpf.Map) func() (int64, error) {
	const piece = 512
	return func() (n int64, err error) {
		var at ebpf.MapBatchCursor
		keys, values := make([]K, piece), make([]V, piece)
		for {
			got, err := m.BatchLookup(&at, keys, values, nil)
			n += int64(got)
			if errors.Is(err, ebpf.ErrKeyNotExist) {
				return n, nil
			}
			if err != nil {
				return 0, fmt.Errorf("count entries of %s: %w", m, err)
			}
		}
	}
}

// take counts the tables in which something may have had to go.
func (t *Tracer) take(now int64) {
	for _, table := range t.tables {
		if now-table.taken < int64(tableTime) {
			continue
		}
		before, err := t.counters()
		if err != nil {
			return
		}
		if err := table.take(&before, t.counters, now); err != nil {
			t.cfg.Log.Debug("entries are not counted", "table", table.name, "error", err)
		}
	}
}

// take counts, when there may be too many. What moves meanwhile is as if it
// had been there: what had to go is found the next time then.
func (t *table) take(before *counters, again func() (counters, error), now int64) error {
	t.taken = now
	in, out, evicted := before[t.entered], t.gone(before), t.evicted
	if in-out-evicted > t.room || evicted > 0 {
		held, err := t.count()
		if err != nil {
			return err
		}
		after, err := again()
		if err != nil {
			return err
		}
		out = t.gone(&after)
		evicted = max(evicted, in-out-held)
	}
	if held := in - out - evicted; held >= 0 {
		t.in, t.out, t.held, t.evicted = in, out, held, evicted
	}
	return nil
}

func (t *table) gone(c *counters) int64 {
	if t.left == noCounter {
		return 0
	}
	return c[t.left]
}

// account is of entries that were made, taken out and had to go.
func (t *table) account() ledger.Account {
	return ledger.Account{
		Name: "events/ebpf-net/tls_" + t.name, Unit: t.name,
		In: []ledger.Entry{{Name: "entered", Count: t.in}},
		Out: []ledger.Entry{
			{Name: "ended", Count: t.out},
			{Name: "dropped", Reason: "least_recently_used", Count: t.evicted},
		},
		Held: []ledger.Entry{{Name: "open", Count: t.held}},
	}
}
