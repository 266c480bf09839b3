package runner

import (
	"context"
	"errors"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
)

// poll gathers at once and then on the grid: an interval of 10s gathers at
// :00, :10, :20 … of the wall clock, so that points of different inputs and
// hosts line up. The grid is looked at anew each time: a clock that jumps
// delays a gathering by less than one interval.
func (t *task) poll(ctx context.Context, in inputs.Input, out point.Sink) {
	t.update(func(s *State) { s.Interval = t.job.Interval })
	for ctx.Err() == nil {
		t.gather(ctx, in, out)
		if !sleep(ctx, untilNext(t.cfg.Now(), t.job.Interval)) {
			return
		}
	}
}

// untilNext is the time to the next point of the grid, or to the one after it
// when that is less than a tenth of the interval away: a timer that fires a
// little early by the wall clock does not gather twice.
func untilNext(now time.Time, interval time.Duration) time.Duration {
	d := now.Truncate(interval).Add(interval).Sub(now)
	if d < interval/10 {
		d += interval
	}
	return d
}

// errLate is the last error of an input while a gathering goes on beyond the
// interval: it may never end.
var errLate = errors.New("gathering has not ended within the interval")

// gather gathers once. An error is logged when it is new, not each time.
func (t *task) gather(ctx context.Context, in inputs.Input, out point.Sink) {
	before := t.snapshot()
	wall, began := t.cfg.Now(), time.Now()
	late := time.AfterFunc(t.job.Interval, func() {
		t.update(func(s *State) { s.Late++ })
		t.failed(errLate)
		if before.Duration <= t.job.Interval {
			t.log.Warn("gathering takes longer than the interval", "interval", t.job.Interval)
		}
	})
	defer late.Stop() // a panic ends a gathering too
	err := in.Gather(ctx, out)
	late.Stop()

	took := time.Since(began)
	t.update(func(s *State) {
		s.Gathers++
		s.LastGather, s.Duration = wall, took
	})
	switch {
	case ctx.Err() != nil || errors.Is(err, inputs.ErrNoData):
	case err != nil:
		t.failed(err)
		if before.LastError != err.Error() {
			t.log.Error("gathering failed", "error", err)
		}
	case t.snapshot().LastError != "":
		t.works()
		if before.LastError != "" {
			t.log.Info("gathering works again")
		}
	}
}
