package queue

import (
	"maps"
	"testing"

	"datakit.dev/agent/internal/point"
)

func TestSettleCountsPartsOfABlock(t *testing.T) {
	tests := []struct {
		name     string
		dropped  map[string]int64
		uploaded int64
		want     map[string]int64
	}{
		{"nothing dropped", nil, 10, nil},
		{"some dropped", map[string]int64{"too_large": 3, "rejected": 2}, 5, map[string]int64{"too_large": 3, "rejected": 2}},
		{"all dropped", map[string]int64{"too_large": 10}, 0, map[string]int64{"too_large": 10}},
		{"more dropped than there are", map[string]int64{"too_large": 11}, 0, map[string]int64{"too_large": 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := open(t, Config{Dir: t.TempDir()}, "a")
			for number := range uint64(2) {
				if err := q.Put(t.Context(), numbered(point.Network, number+1, 10, 100)); err != nil {
					t.Fatal(err)
				}
			}
			c := q.Cursor("a", point.Network)
			if n := len(ready(t, c)); n != 2 {
				t.Fatalf("%d entries", n)
			}
			c.Settle(tt.dropped)
			s := stats(t, q, "a", point.Network)
			if s.Uploaded != tt.uploaded || !maps.Equal(s.Dropped, tt.want) || s.Queued != 10 {
				t.Errorf("stats %+v", s)
			}
			recount(t, q)
		})
	}
}
