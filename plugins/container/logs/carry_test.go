package logs

import (
	"fmt"
	"testing"
	"time"
)

// The runtime writes a long line in pieces, and rotates between two of them.
func TestLinesOverRotation(t *testing.T) {
	const at = "2026-01-01T00:00:00Z "
	expect := func(r *rig, want ...string) {
		r.t.Helper()
		if fmt.Sprintf("%q", r.got) != fmt.Sprintf("%q", want) {
			r.t.Errorf("got %q, want %q", r.got, want)
		}
		r.accounted()
	}
	turn := func(r *rig) { rotate(r.t, r.path, fmt.Sprintf("20260101-%06d", time.Now().Unix()%1000000)) }
	scenario(t, "one piece before, one after", func(r *rig) {
		r.start()
		r.raw(at + "stdout F a\n" + at + "stdout P be")
		r.raw("fore-\n")
		turn(r)
		r.raw(at + "stdout P mid-\n")
		time.Sleep(time.Second)
		r.raw(at + "stdout F after\n" + at + "stdout F b\n")
		r.settle()
		r.stop()
		expect(r, "a", "before-mid-after", "b")
	})
	scenario(t, "two streams, one of them in the middle of a line", func(r *rig) {
		r.start()
		r.raw(at + "stderr P begin-\n" + at + "stdout F a\n")
		turn(r)
		r.raw(at + "stdout F b\n")
		time.Sleep(time.Second)
		r.raw(at + "stderr F end\n")
		r.settle()
		r.stop()
		expect(r, "a", "b", "begin-end")
	})
	scenario(t, "a restart in between", func(r *rig) {
		r.start()
		r.raw(at + "stdout F a\n" + at + "stdout P before-\n")
		turn(r)
		r.raw(at + "stdout P mid-\n")
		time.Sleep(time.Second)
		r.stop()
		r.raw(at + "stdout F after\n")
		r.start()
		r.settle()
		r.stop()
		expect(r, "a", "before-mid-after")
	})
	scenario(t, "two rotations within a line", func(r *rig) {
		r.start()
		r.raw(at + "stdout P 1-\n")
		time.Sleep(600 * time.Millisecond)
		turn(r)
		r.raw(at + "stdout P 2-\n")
		time.Sleep(600 * time.Millisecond)
		rotate(r.t, r.path, "20991231-235959")
		r.raw(at + "stdout F 3\n")
		r.settle()
		r.stop()
		expect(r, "1-2-3")
	})
	scenario(t, "the rest never comes", func(r *rig) {
		r.start()
		r.raw(at + "stdout P alone\n")
		turn(r)
		r.raw(at + "stderr F b\n")
		r.settle()
		r.stop()
		expect(r, "b", "alone")
	})
	scenario(t, "the file is emptied in between", func(r *rig) {
		r.start()
		r.raw(at + "stdout P piece\n")
		turn(r)
		r.raw(at + "stderr F b\n")
		time.Sleep(time.Second)
		r.truncate(false)
		r.raw(at + "stdout F c\n")
		r.settle()
		r.stop()
		expect(r, "b", "piece", "c")
	})
}
