package main

import (
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/httpapi"
)

// applyLimits sets the limits of the process and returns those in force. It
// never fails: an agent with fewer files is better than none.
func applyLimits(m *config.Main, env config.Lookup, log *slog.Logger) httpapi.ProcessLimits {
	if m.ULimit > 0 {
		if err := raiseFiles(m.ULimit); err != nil {
			log.Warn("cannot raise the limit of open files", "ulimit", m.ULimit, "error", err)
		}
	}
	if _, ok := env("GOMEMLIMIT"); !ok && m.MemoryLimit > 0 {
		debug.SetMemoryLimit(int64(m.MemoryLimit))
	}
	var in httpapi.ProcessLimits
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil {
		in.OpenFiles = files.Cur
	}
	if memory := debug.SetMemoryLimit(-1); memory < math.MaxInt64 {
		in.Memory = memory
	}
	return in
}

// raiseFiles raises the soft limit to want; the hard limit too when it is
// lower, which needs privilege. What is allowed is taken.
func raiseFiles(want uint64) error {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("read limit: %w", err)
	}
	if files.Cur >= want {
		return nil
	}
	if files.Max >= want || unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: want, Max: want}) != nil {
		files.Cur = min(want, files.Max)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
			return err
		}
	}
	if files.Max < want {
		return fmt.Errorf("only %d are allowed", files.Max)
	}
	return nil
}
