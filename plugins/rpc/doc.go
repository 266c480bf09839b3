// Package rpc carries blocks, configuration and health between the agent
// (host) and an external collector (child). It is the only package that knows
// the protocol buffers; both sides speak the types of this package.
//
//	child                                             host
//	feed ─► Outlet.Put ── window ──► Frame{seq, block, counters} ──► Client.Collect ─► BlockSink.Put (queue)
//	            ▲                                                          │    Accepted: Tally.take, within
//	            └────────────── Ack{seq} ◄── once durable ◄────────────────┘    the ledger step of the queue
//
// The child is the gRPC server and the host its client, as go-plugin has it.
// The stream Collect lives as long as both of them: a child that loses it
// stops, so that it never outlives its host; a host that loses it starts a
// new child. A block is therefore never sent twice.
package rpc
