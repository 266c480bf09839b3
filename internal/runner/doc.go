// Package runner runs the inputs of the agent.
//
//	[]Job ──► Group.Apply ──► task (one goroutine per job)
//	                           ├─ inputs.Input:  gather now, then on the grid of its interval ──► Sink
//	                           └─ inputs.Runner: run until it returns                         ──► Sink
//
// A panic, and an error of a Runner, end an attempt; the next one builds the
// input anew after a growing delay. An error of Gather is recorded and the
// input goes on. Applying another list of jobs touches only what differs.
package runner
