package supervisor

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"datakit.dev/agent/plugins/rpc"
)

// ending is why a session is over.
type ending int

const (
	stopped       ending = iota // we asked for it
	crashed                     // anything that is none of the others
	limited                     // a resource limit
	misconfigured               // trying again is of no use
	finished                    // a plain program returned 0
)

// outcome is the end of a session.
type outcome struct {
	ending ending
	err    error // for people; nil when there is nothing to tell
}

// classify makes an outcome of how a child ended by itself. lastWords is what
// it logged last, leaving what it told before it left.
func classify(state *os.ProcessState, leaving, lastWords string) outcome {
	how := errors.New(state.String())
	if lastWords != "" {
		how = fmt.Errorf("%s: %s", state, lastWords)
	}
	if leaving != "" {
		how = errors.New(leaving)
	}
	switch state.ExitCode() {
	case rpc.ExitLimit:
		return outcome{limited, how}
	case rpc.ExitConfig:
		return outcome{misconfigured, how}
	default:
		return outcome{crashed, how}
	}
}

// killedBy reports whether a signal ended the process.
func killedBy(state *os.ProcessState, signal syscall.Signal) bool {
	ws, ok := state.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == signal
}
