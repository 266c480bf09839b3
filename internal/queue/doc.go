// Package queue keeps finished blocks on disk until every backend has them.
//
// There is one log per category and, in each log, one cursor per backend:
//
//	Put ─► metric/   [ segment ][ segment ][ segment … ◄ tail
//	                        ▲ cursor "b"        ▲ cursor "a"  ─► Next, Ack
//	Put ─► network/  [ segment … ◄ tail
//	                      ▲ cursor "b"  ▲ cursor "a"
//
// A cursor that stands still (its backend is down) holds back segments, never
// the other cursors. A segment is deleted when all cursors have passed it.
//
// # On disk
//
//	<dir>/LOCK                            flock of the owning process, holds its pid
//	<dir>/<category>/<number>.seg         records; named after the number of the first one
//	<dir>/<category>/<backend>.cursor     two checksummed slots, written in turn
//	<dir>/damaged/                        what was set aside, bounded
//
// A record (see record.go) carries its own number and the number of points in
// all records before it, since the log began. Those running totals make three
// things cheap and exact: Open reads one header per segment and the last
// segment, however much is queued; what a backend has queued is the distance
// between two positions on disk; and where records are damaged or missing,
// the next good one tells how many records and points were lost.
//
// # Promises
//
// Put returns when the block is in the file: it survives the death of the
// process. It survives the loss of power SyncInterval later, or at once when
// SyncInterval is 0. A block is delivered at least once; a cursor never moves
// before Ack or Reject, except when the bound is reached (see [Policy]) or
// over damage, both counted per backend.
//
// # Backends
//
// A backend that is added later starts with the blocks put from then on. When
// no earlier backend remains (the first one ever, or all were replaced at
// once), the new ones take over where the furthest behind of the old ones
// stood: else what is queued would belong to nobody. A backend that is removed
// loses its cursor.
package queue
