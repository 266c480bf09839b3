package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/all"
	"datakit.dev/agent/internal/config"
)

func newCheckCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Validate the whole configuration",
		Long: "Read datakit.conf, conf.d and the environment as 'datakit run' would, build every\ninput and backend without starting any, look for the files they name, let the\nprograms of externals read their blocks, and print what is wrong.\n\n" +
			exitCodes,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := p.layout()
			if err != nil {
				return err
			}
			return p.check(c.Context(), l, all.Factories(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: valid, inputs, mistakes, warnings")
	return c
}

// checked is the result of a check.
type checked struct {
	Valid    bool     `json:"valid"`
	Home     string   `json:"home"`
	Backends []string `json:"backends"`
	Inputs   []string `json:"inputs"`
	Mistakes []any    `json:"mistakes"`
	Warnings []any    `json:"warnings"`

	read bool // the main file could be read
}

var errInvalid = errors.New("the configuration has mistakes")

func (p *program) check(ctx context.Context, l layout, factories []inputs.Factory, asJSON bool) error {
	r := checked{Home: l.home, Backends: []string{}, Inputs: []string{}, Mistakes: []any{}, Warnings: []any{}}
	s, err := p.readSettings(l, factories)
	mistakes := config.Flatten(err)
	if err == nil {
		mistakes = append(s.mistakes, tryBackends(l, s.main)...)
		wrong, missing, warnings := tryInputs(ctx, l, s.inputs, p.environ())
		mistakes = append(append(mistakes, wrong...), missing...)
		mistakes = append(mistakes, tryServer(s.main)...)
		for _, in := range s.inputs {
			r.Inputs = append(r.Inputs, fmt.Sprintf("%s (%s)", in.factory.Name, in.section.Place()))
		}
		for _, b := range s.main.AllBackends() {
			r.Backends = append(r.Backends, fmt.Sprintf("%s (%s)", b.Name, b.Kind))
		}
		r.Warnings, r.read = entries(append(s.warnings, warnings...)), true
		if _, err := os.Stat(l.confDir()); err != nil {
			r.Warnings = append(r.Warnings, &config.Error{File: l.confDir(), Msg: "does not exist; this is what the environment and the defaults say"})
		}
	}
	r.Mistakes, r.Valid = entries(mistakes), len(mistakes) == 0
	if asJSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = p.printChecked(r)
	}
	if err == nil && !r.Valid {
		err = errInvalid
	}
	return err
}

// entries makes errors fit for JSON: with file, line and key where known.
func entries(errs []error) []any {
	all := []any{}
	for _, err := range errs {
		if at := new(config.Error); errors.As(err, &at) {
			all = append(all, at)
		} else {
			all = append(all, &config.Error{Msg: err.Error()})
		}
	}
	return all
}

func (p *program) printChecked(r checked) error {
	for _, w := range r.Warnings {
		fmt.Fprintln(p.out, "warning:", w)
	}
	for _, m := range r.Mistakes {
		fmt.Fprintln(p.out, "mistake:", m)
	}
	for _, b := range r.Backends {
		fmt.Fprintln(p.out, "backend:", b)
	}
	if r.read && len(r.Backends) == 0 {
		fmt.Fprintln(p.out, "backend: none; points stay in the local store")
	}
	for _, i := range r.Inputs {
		fmt.Fprintln(p.out, "input:  ", i)
	}
	if r.Valid {
		_, err := fmt.Fprintf(p.out, "The configuration in %s is valid.\n", r.Home)
		return err
	}
	return nil
}
