package queue

import (
	"slices"
	"testing"

	"datakit.dev/agent/internal/point"
)

func TestBudget(t *testing.T) {
	const share = 100
	b := newBudget(share * shares)
	common := b.common()
	if common != share*(shares-int64(point.Security)) || b.largest() != common+share {
		t.Fatalf("common part = %d, largest = %d", common, b.largest())
	}
	steps := []struct {
		name     string
		category point.Category
		bytes    int64
		want     bool
	}{
		{"a category may borrow nearly all", point.Logging, common + share - 1, true},
		{"but no more than there is", point.Logging, 2, false},
		{"the rest", point.Logging, 1, true},
		{"another one still has its share", point.Metric, share, true},
		{"and nothing beyond it", point.Metric, 1, false},
	}
	for _, step := range steps {
		if got := b.take(step.category, step.bytes); got != step.want {
			t.Fatalf("%s: take(%s, %d) = %v", step.name, step.category, step.bytes, got)
		}
	}
	if !b.full() || b.total() != common+2*share {
		t.Errorf("full = %v, total = %d", b.full(), b.total())
	}
	freed := b.wait()
	if !b.pressed() {
		t.Error("nobody seems to wait")
	}
	b.give(point.Logging, 10)
	<-freed
	if b.full() || b.pressed() {
		t.Error("still full, or still somebody waits")
	}
	if !b.take(point.Metric, 10) || b.take(point.Tracing, share+1) {
		t.Error("what was given back goes to the first who asks, once")
	}
	again := b.wait()
	b.nudge()
	<-again
	if got := b.victims(); !slices.Equal(got, []point.Category{point.Logging, point.Metric}) {
		t.Errorf("victims = %v", got)
	}
}
