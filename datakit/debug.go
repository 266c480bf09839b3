package main

import "github.com/spf13/cobra"

func newDebugCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "debug",
		Short: "Try one part of the agent by itself",
		Long: `Try one part of the agent by itself, without a running agent.

` + exitCodes,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newDebugFilterCommand(p), newDebugInputCommand(p))
	return c
}
