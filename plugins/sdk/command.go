package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"datakit.dev/agent/internal/hostfs"
)

// newCommand is the command line of a program.
func newCommand(ctx context.Context, p Program, proc process) *cobra.Command {
	root := &cobra.Command{
		Use: p.Name, Short: p.Short, Example: p.Example,
		Long:         p.Short + "\n\n" + howItRuns(p),
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetArgs(proc.args)
	if len(proc.args) == 0 && proc.hosted {
		root.SetArgs([]string{"run"})
	}
	root.SetContext(ctx)
	root.SetOut(proc.stdout)
	root.SetErr(proc.stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return configError{fmt.Errorf("%w; see '%s --help'", err, c.CommandPath())}
	})
	root.AddCommand(runCmd(p, proc), doctorCmd(p, proc.fs), versionCmd(p))
	root.AddCommand(p.Commands...)
	return root
}

// howItRuns tells a person who started the program by hand what it is.
func howItRuns(p Program) string {
	var b strings.Builder
	fmt.Fprintf(&b, `This is an external collector. As a rule the agent, datakit, starts it and
watches it; the block [[inputs.…]] of its configuration says how. It can also
run on its own and post to the HTTP API of an agent. Plugins:
`)
	for _, f := range p.Plugins {
		fmt.Fprintf(&b, "\n  %-16s %s", f.Name, f.Help)
	}
	return b.String()
}

func runCmd(p Program, proc process) *cobra.Command {
	var o options
	var set []given
	c := &cobra.Command{
		Use: "run", Short: "Collect until stopped", Example: p.Example,
		Long: "Collect until stopped. Flags beat the configuration, also when the agent\nstarted the program and passes them as args.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runCommand(c.Context(), p, proc, o, set)
		},
	}
	f := c.Flags()
	f.StringVar(&o.server, "datakit-apiserver", "0.0.0.0:9529", "HTTP API of the agent that points are posted to when running alone")
	f.StringVar(&o.hostname, "hostname", "", "value of the tag host (default: tag host of the configuration, then the system's name)")
	f.StringVar(&o.service, "service", "", "value of the tag service")
	f.StringVar(&o.config, "config", "", "TOML file with the keys of the block, when running alone")
	f.StringVar(&o.log, "log", "", "log file, rotated at 32 MB (default: standard error)")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&o.pidfile, "pidfile", "", "file to hold the process number, when running alone; a second program with the same one refuses to start")
	own := p.bind(p.config())
	record(own, &set)
	f.AddGoFlagSet(own)
	hideTwins(c)
	return c
}

// hideTwins leaves the spelling with - in the help and hides that with _.
func hideTwins(c *cobra.Command) {
	f := c.Flags()
	for _, name := range strings.Fields(f.FlagUsages()) {
		name = strings.TrimPrefix(name, "--")
		if twin := strings.ReplaceAll(name, "-", "_"); twin != name && f.Lookup(name) != nil && f.Lookup(twin) != nil {
			_ = f.MarkHidden(twin) // exists: just looked up
		}
	}
}

func doctorCmd(p Program, fs hostfs.Root) *cobra.Command {
	var asJSON bool
	var set []given
	c := &cobra.Command{
		Use: "doctor", Short: "Tell what each plugin stands on, on this machine",
		Long: "Load and attach each plugin for a moment and tell where, on which rung (1 the\nmost stable hooks of the kernel, 5 the least) and what is missing.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := p.resolve("command line", "", set)
			if err != nil {
				return configError{err}
			}
			found := examine(newEngine(p, r, slog.New(slog.DiscardHandler), fs))
			write := found.writeText
			if asJSON {
				write = found.writeJSON
			}
			if err := write(c.OutOrStdout()); err != nil {
				return err
			}
			if !found.healthy() {
				return exitCode(1)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "for programs")
	own := p.bind(p.config())
	record(own, &set)
	c.Flags().AddGoFlagSet(own)
	hideTwins(c)
	return c
}

func versionCmd(p Program) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s %s %s %s/%s\n", p.Name, p.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
