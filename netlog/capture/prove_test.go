//go:build prove

package capture

import (
	"testing"
	"time"
)

// TestWindows captures at the highest rate in ten windows of three seconds.
// In nine of them nothing is dropped.
func TestWindows(t *testing.T) {
	clean := 0
	for _, w := range windows(t, 10, 3*time.Second) {
		t.Log(w)
		if w.dropped == 0 {
			clean++
		}
	}
	if clean < 9 {
		t.Errorf("nothing dropped in %d of 10 windows, want 9", clean)
	}
}
