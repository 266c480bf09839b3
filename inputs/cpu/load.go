package cpu

import (
	"math"
	"time"
)

// The kernel updates load1 every 5 s (LOAD_FREQ) to
//
//	load = (load*1884 + active*(2048-1884)) / 2048
//
// where active is the number of tasks that run or wait (EXP_1 and FIXED_1 of
// include/linux/sched/loadavg.h). Solved for active over n updates this is
// the number of tasks that, had it been constant, made load1 what it is.
const (
	loadPeriod = 5 * time.Second
	loadDecay  = 1884.0 / 2048
)

// loadEstimator turns readings of load1 into numbers of tasks.
type loadEstimator struct {
	load  float64
	at    time.Time
	last  int64
	known bool // last is valid
}

// next takes a reading. Within 5 s of the one before it repeats what it said.
func (e *loadEstimator) next(load float64, now time.Time) (tasks int64, ok bool) {
	if e.at.IsZero() {
		e.load, e.at = load, now
		return 0, false
	}
	// A timer that fires a little early still sees an update.
	n := math.Floor((now.Sub(e.at) + loadPeriod/50).Seconds() / loadPeriod.Seconds())
	if n < 1 {
		return e.last, e.known
	}
	decay := math.Pow(loadDecay, n)
	active := (load - e.load*decay) / (1 - decay)
	e.load, e.at = load, now
	// load1 is shown with two decimals, so a quiet machine may come out
	// slightly below zero.
	e.last, e.known = int64(math.Round(max(active, 0))), true
	return e.last, true
}
