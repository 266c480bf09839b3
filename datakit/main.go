// Command datakit is the agent: it runs inputs, supervises external
// collectors, and delivers what they collect to backends without losing it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"datakit.dev/agent/internal/config"
)

// Exit codes, for service managers and scripts.
const (
	exitFailure = 1 // failed, or the configuration is wrong
	exitUsage   = 2 // the command line is wrong
	exitRunning = 3 // another agent runs in this home
)

const exitCodes = `Exit codes: 0 success, 1 failure or wrong configuration, 2 wrong usage,
3 another agent runs in this home.`

// exitError ends the program with a code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, &program{
		env: os.LookupEnv, environ: os.Environ, out: os.Stdout, errOut: os.Stderr,
	}, os.Args[1:])
	stop()
	os.Exit(code)
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, p *program, args []string) int {
	root := newRoot(p)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *exitError
	switch {
	case errors.As(err, &exit):
	case strings.HasPrefix(err.Error(), "unknown command"): // cobra has no type for it
		exit = &exitError{exitUsage, err}
	default:
		exit = &exitError{exitFailure, err}
	}
	for _, e := range config.Flatten(exit.err) {
		fmt.Fprintln(p.errOut, "datakit:", e)
	}
	return exit.code
}

// program is what the commands have from main.
type program struct {
	env         config.Lookup
	environ     func() []string
	out, errOut io.Writer

	home string   // the flag --home
	set  []string // the flags --set
}

func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:           "datakit",
		Short:         "Host agent: collects, keeps and delivers",
		Long:          "datakit is a host agent. It collects what happens on this machine, keeps it on\ndisk until it is delivered, and delivers it to one or several backends.\n\n" + exitCodes,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	// Before cobra does it, whose errors of this kind have no type either.
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := errors.Join(c.ValidateRequiredFlags(), c.ValidateFlagGroups()); err != nil {
			return &exitError{exitUsage, err}
		}
		return nil
	}
	root.PersistentFlags().StringVar(&p.home, "home", "", "folder of the installation (default: where this program lies)")
	root.PersistentFlags().StringArrayVar(&p.set, "set", nil, "key=value of datakit.conf, beats file and environment (may be repeated)")
	root.AddCommand(
		newRunCommand(p),
		newCheckCommand(p),
		newReloadCommand(p),
		newLogLevelCommand(p),
		newTailCommand(p),
		newLedgerCommand(p),
		newDoctorCommand(p),
		newQueueCommand(p),
		newDebugCommand(p),
		newVersionCommand(p),
	)
	return root
}

// usage makes the errors of an argument check those of wrong usage.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return &exitError{exitUsage, err}
		}
		return nil
	}
}
