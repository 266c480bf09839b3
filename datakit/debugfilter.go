package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"datakit.dev/agent/filter"
)

func newDebugFilterCommand(p *program) *cobra.Command {
	var rule string
	c := &cobra.Command{
		Use:   "filter --rule TEXT",
		Short: "Check rules of netlog_blacklist",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			rules, err := filter.Compile(rule)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			for _, w := range rules.Warnings() {
				fmt.Fprintln(p.errOut, "warning:", w)
			}
			for i := range rules.Len() {
				fmt.Fprintf(p.out, "rule %d: %s\n", i+1, rules.Rule(i))
			}
			return nil
		},
	}
	c.Flags().StringVar(&rule, "rule", "", "the rules, separated by ';' or newlines")
	return c
}
