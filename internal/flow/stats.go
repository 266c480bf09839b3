package flow

import "sync/atomic"

// Stats counts since the Aggregator was made. Every connection added is in
// exactly one of Aggregated, Overflowed and the Skipped ones; every flow in
// Emitted, Sampled or, until the next Flush, neither.
type Stats struct {
	Aggregated int64 // connections summed into flows
	Overflowed int64 // connections summed into the overflow series

	SkippedNoPort    int64 // a port was 0
	SkippedNoAddress int64 // an address was missing or all zero
	SkippedLoopback  int64 // loopback, and not asked for
	SkippedIdle      int64 // nothing happened

	Flows   int64 // flows begun
	Emitted int64 // flows returned by Flush
	Sampled int64 // flows left out by the sampler
}

type counters struct {
	aggregated, overflowed            atomic.Int64
	noPort, noAddress, loopback, idle atomic.Int64
	flows, emitted, sampled           atomic.Int64
}

// Stats may be called from any goroutine.
func (a *Aggregator) Stats() Stats {
	c := &a.counters
	return Stats{
		Aggregated: c.aggregated.Load(), Overflowed: c.overflowed.Load(),
		SkippedNoPort: c.noPort.Load(), SkippedNoAddress: c.noAddress.Load(),
		SkippedLoopback: c.loopback.Load(), SkippedIdle: c.idle.Load(),
		Flows: c.flows.Load(), Emitted: c.emitted.Load(), Sampled: c.sampled.Load(),
	}
}
