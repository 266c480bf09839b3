package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/all"
	"datakit.dev/agent/internal/config"
)

func newDebugInputCommand(p *program) *cobra.Command {
	var o debugInputOptions
	c := &cobra.Command{
		Use:   "input NAME",
		Short: "Gather once with an input and print what it would deliver",
		Long: `Build an input as it is configured, or with its defaults when it is not, gather
once and print the points as they would be delivered, with global tags and
without what its lists leave out. An input that measures rates gathers twice,
--wait apart, and the second time is printed. Of an external program, what it
sends until it has been silent for --wait is printed.

Nothing is delivered, and a running agent is not disturbed.

Exit codes: 0 printed, or there was nothing to report; 1 gathering failed or
the configuration is wrong; 2 wrong usage.`,
		Example: `  datakit debug input disk
  datakit debug input cpu --json | jq .fields.usage_total
  datakit debug input container --defaults`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := p.layout()
			if err != nil {
				return err
			}
			return p.debugInput(c.Context(), l, all.Factories(), args[0], o)
		},
	}
	c.Flags().BoolVar(&o.defaults, "defaults", false, "ignore how the input is configured")
	c.Flags().BoolVar(&o.json, "json", false, "print one JSON object per point")
	c.Flags().BoolVar(&o.lines, "lp", false, "print line protocol")
	c.Flags().DurationVar(&o.wait, "wait", time.Second, "between two gatherings; how long a program has to be silent")
	c.Flags().DurationVar(&o.timeout, "timeout", 90*time.Second, "for all of it")
	c.MarkFlagsMutuallyExclusive("json", "lp")
	return c
}

type debugInputOptions struct {
	defaults, json, lines bool
	wait, timeout         time.Duration
}

// debugInput tries every block of the input called name.
func (p *program) debugInput(ctx context.Context, l layout, factories []inputs.Factory, name string, o debugInputOptions) error {
	if !slices.Contains(names(factories), name) {
		return &exitError{exitUsage, fmt.Errorf("no input is called %q; there are %s", name, strings.Join(names(factories), ", "))}
	}
	if o.wait <= 0 || o.timeout <= 0 {
		return &exitError{exitUsage, errors.New("--wait and --timeout have to be positive")}
	}
	f := find(factories, name)
	main, blocks, err := p.blocksOf(l, factories, f, o.defaults)
	if err != nil {
		return err
	}
	h, err := p.hostOf(main, false, systemName())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	for _, in := range blocks {
		if t, ok := in.cfg.(inputs.Trial); ok {
			t.ForTrial()
		}
		look, err := p.newLook(l, in, h, main, o)
		if err == nil {
			err = look.run(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s (%s): %w", name, in.section.Place(), err)
		}
	}
	return nil
}

// blocksOf returns the blocks of an input as they are configured; one with
// its defaults when there is none.
func (p *program) blocksOf(l layout, factories []inputs.Factory, f inputs.Factory, defaults bool) (*config.Main, []inputConfig, error) {
	s, err := p.readSettings(l, factories)
	if err != nil {
		return nil, nil, err
	}
	alone := inputConfig{factory: f, section: config.Section{Input: f.Name, File: "defaults"}, cfg: f.Config()}
	if defaults {
		return s.main, []inputConfig{alone}, nil
	}
	var mistakes []error
	for _, m := range s.mistakes {
		if at := new(config.Error); errors.As(m, &at) && concerns(at, f.Name) {
			mistakes = append(mistakes, m)
		}
	}
	if len(mistakes) > 0 {
		return nil, nil, errors.Join(mistakes...)
	}
	blocks := slices.DeleteFunc(s.inputs, func(in inputConfig) bool { return in.factory.Name != f.Name })
	if len(blocks) == 0 {
		// Variables of the environment count without a block too.
		if err := alone.section.Decode(alone.cfg, p.env); err != nil {
			return nil, nil, err
		}
		blocks = append(blocks, alone)
	}
	return s.main, blocks, nil
}

// concerns reports whether a mistake is about an input: it names a key of it
// or a variable, or no key at all, as one of syntax.
func concerns(at *config.Error, input string) bool {
	return at.Key == "" || at.Key == "inputs."+input || strings.HasPrefix(at.Key, "inputs."+input+".") ||
		strings.HasPrefix(at.File, config.EnvPrefix(input))
}

// quiet drops the log below warnings: what matters is printed.
func (p *program) quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
