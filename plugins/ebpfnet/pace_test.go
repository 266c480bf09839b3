package ebpfnet

import (
	"slices"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name  string
		found []int
		want  time.Duration
	}{
		{"first", []int{0}, ringPoll},
		{"some", []int{10, busyFrom - 1}, ringPoll},
		{"much", []int{busyFrom}, busyPoll},
		{"much still", []int{busyFrom, busyTo}, busyPoll},
		{"no longer much", []int{busyFrom, busyTo, busyTo - 1}, ringPoll},
		{"a pause", []int{busyFrom, busyTo, 0}, ringPoll},
		{"not yet idle", make([]int, idleAfter-1), ringPoll},
		{"idle", make([]int, idleAfter), idlePoll},
		{"idle for long", make([]int, 3*idleAfter), idlePoll},
		{"awake", append(make([]int, 2*idleAfter), 1), ringPoll},
		{"awake and silent", append(make([]int, 2*idleAfter), 1, 0), ringPoll},
		{"a burst", append(make([]int, 2*idleAfter), busyFrom), busyPoll},
		{"idle again", slices.Concat([]int{busyFrom}, make([]int, idleAfter)), idlePoll},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p pace
			var got time.Duration
			for _, n := range tt.found {
				got = p.next(n)
			}
			if got != tt.want {
				t.Errorf("after %d rounds: %v, want %v", len(tt.found), got, tt.want)
			}
		})
	}
}
