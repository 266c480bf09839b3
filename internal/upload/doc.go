// Package upload moves blocks from the queue to one backend.
//
//	            ┌ worker metric  ┐ Next          Post    ┌ Done      Ack
//	Uploader.Run┼ worker network ┼──────► merge ───────► ├ Retry     Rewind, wait (backoff, Retry-After)
//	            └ …              ┘ blocks  to one body   ├ Slow      Rewind, wait longer, raise an alarm
//	                                                     ├ TooLarge  smaller bodies, at last half a block, down to one line
//	                                                     └ Bad       one by one, to find the block; dead letter, Reject
//
// There is one worker per category, and one Uploader per backend: a backend
// that is down, or a category it refuses, delays nothing else. While a worker
// waits it holds no payload. The queue's Ack and Reject are what is accounted;
// the counters here only describe the traffic.
//
// Delivery is at least once: a reply that is lost, or a crash between the
// reply and the Ack, sends a body twice. Equal points overwrite themselves in
// the backends, and a dataway gets the same X-Pkg-Id when the body is the same.
package upload
