// Package logs follows the log files that container runtimes write, over
// rotation and over restarts of the agent.
//
//	file ──► lines ──► records ──► entries ──► batch ──► Store ──► acknowledged ──► positions
//	 └ chain of its     (CRI, Docker, (partial and              one block at           (journal)
//	   rotated files     raw)          multiline joined)        a time
//
// The position of a file moves only when the block with the lines before it is
// durable, and there is only one such block at a time: after kill -9 no line is
// lost, and at most the lines of one block come twice.
package logs
