package inputs

import (
	"slices"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestExtraTags(t *testing.T) {
	extra := map[string]string{"z": "1", "b": "2", "cpu": "mine"}
	want := []point.Tag{{Key: "cpu", Value: "cpu0"}, {Key: "b", Value: "2"}, {Key: "z", Value: "1"}}
	got := ExtraTags(extra, point.Tag{Key: "cpu", Value: "cpu0"})
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	again := ExtraTags(extra, point.Tag{Key: "cpu", Value: "cpu0"})
	got[1].Value = "changed by its owner"
	if !slices.Equal(again, want) {
		t.Errorf("memory is shared: %v", again)
	}
}

func TestCheckInterval(t *testing.T) {
	if err := CheckInterval("interval", time.Second, time.Second); err != nil {
		t.Error(err)
	}
	if err := CheckInterval("interval", time.Millisecond, time.Second); err == nil || err.Error() != "interval: 1ms is shorter than 1s" {
		t.Error(err)
	}
}
