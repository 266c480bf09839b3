package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"datakit.dev/agent/filter"
)

func newDebugFilterCommand(p *program) *cobra.Command {
	var rule, packet string
	var keys bool
	c := &cobra.Command{
		Use:   "filter --rule TEXT [--packet KEY=VALUE,...]",
		Short: "Try rules of netlog_blacklist on a packet",
		Long: `Print on the first line whether the rules drop or keep a packet, then which
rule matched and why. Keys of the packet that are left out are false, 0 or
empty. Needs no configuration and no running agent.

Rules are separated by ";" or newlines; a packet that any of them matches is
dropped. --keys lists what rules may use.

Exit codes: 0 decided, 2 a mistake in the rules, the packet or the usage.`,
		Example: `  datakit debug filter --rule "ip == '10.0.0.1' && port in (80, 443)" --packet 'tcp=true,ipv4=true,ip_saddr=10.0.0.1,src_port=80'
  datakit debug filter --keys`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if keys == c.Flags().Changed("rule") {
				return &exitError{exitUsage, errors.New("one of --rule and --keys is needed")}
			}
			if keys {
				_, err := io.WriteString(p.out, languageTable())
				return err
			}
			if err := p.debugFilter(rule, packet); err != nil {
				return &exitError{exitUsage, err}
			}
			return nil
		},
	}
	c.Flags().StringVar(&rule, "rule", "", "the rules")
	c.Flags().StringVar(&packet, "packet", "", "the packet, as key=value,key=value")
	c.Flags().BoolVar(&keys, "keys", false, "list the keys and functions of rules")
	return c
}

func (p *program) debugFilter(rule, packet string) error {
	rules, err := filter.Compile(rule)
	if err != nil {
		return err
	}
	values, err := filter.ParseValues(packet)
	if err != nil {
		return err
	}
	for _, w := range rules.Warnings() {
		fmt.Fprintln(p.errOut, "warning:", w)
	}
	_, err = io.WriteString(p.out, decided(rules, rules.Explain(values)))
	return err
}

// decided is the outcome, then the reason.
func decided(rules *filter.Program, e filter.Explanation) string {
	var b strings.Builder
	switch {
	case e.Rule >= 0:
		fmt.Fprintln(&b, "drop")
	case rules.Len() == 0:
		fmt.Fprintln(&b, "keep\nthere is no rule")
	default:
		fmt.Fprintln(&b, "keep\nno rule matches")
	}
	last := -1
	for _, c := range e.Causes {
		if c.Rule != last {
			outcome := "does not match"
			if e.Rule >= 0 {
				outcome = "matches"
			}
			fmt.Fprintf(&b, "rule %d (%s) %s: %s\n", c.Rule+1, rules.Position(c.Rule), outcome, rules.Rule(c.Rule))
			last = c.Rule
		}
		fmt.Fprintf(&b, "  %s is %t", c.Test, c.Holds)
		if c.Keys != "" {
			fmt.Fprintf(&b, ": %s", c.Keys)
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

// languageTable is the reference of the language for a terminal.
func languageTable() string {
	var b strings.Builder
	b.WriteString("KEY         TYPE  MEANING\n")
	for _, k := range filter.Keys() {
		fmt.Fprintf(&b, "%-11s %-5s %s\n", k.Name, k.Type, k.Meaning())
	}
	b.WriteString("\nFUNCTION, of type bool; all arguments are of type str\n")
	for _, f := range filter.Functions() {
		fmt.Fprintf(&b, "%-28s %s\n", f.Usage(), f.Help)
	}
	for _, t := range filter.Topics() {
		fmt.Fprintf(&b, "\n%s\n%s\n", strings.ToUpper(t.Name), t.Text)
	}
	return b.String()
}
