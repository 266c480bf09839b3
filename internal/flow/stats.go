package flow

import "sync/atomic"

// Stats counts since the aggregator was made. Everything added (connection,
// exchange or transaction) is in exactly one of Aggregated, Overflowed and
// the Skipped ones; every flow in Emitted, Sampled or, until the next Flush,
// neither.
type Stats struct {
	Aggregated int64 // summed into flows
	Overflowed int64 // summed into the overflow series

	SkippedNoPort    int64 // a port was 0
	SkippedNoAddress int64 // an address was missing or all zero
	SkippedLoopback  int64 // loopback, and not asked for
	SkippedIdle      int64 // nothing happened

	Flows   int64 // flows begun
	Emitted int64 // flows returned by Flush
	Sampled int64 // flows left out by the sampler

	PathsFolded int64 // HTTP: exchanges whose path became "*", whatever became of them then

	Logged     int64 // DNS: transactions returned by Log
	LogDropped int64 // DNS: transactions the log had no room for
	LogSampled int64 // DNS: transactions left out of the log by the sampler
}

type counters struct {
	aggregated, overflowed            atomic.Int64
	noPort, noAddress, loopback, idle atomic.Int64
	flows, emitted, sampled           atomic.Int64
	pathsFolded                       atomic.Int64
	logged, logDropped, logSampled    atomic.Int64
}

// Stats may be called from any goroutine.
func (in *intake) Stats() Stats {
	c := &in.counters
	return Stats{
		Aggregated: c.aggregated.Load(), Overflowed: c.overflowed.Load(),
		SkippedNoPort: c.noPort.Load(), SkippedNoAddress: c.noAddress.Load(),
		SkippedLoopback: c.loopback.Load(), SkippedIdle: c.idle.Load(),
		Flows: c.flows.Load(), Emitted: c.emitted.Load(), Sampled: c.sampled.Load(),
		PathsFolded: c.pathsFolded.Load(), Logged: c.logged.Load(), LogDropped: c.logDropped.Load(), LogSampled: c.logSampled.Load(),
	}
}
