package main

import (
	"context"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/runner"
)

// configuration tells what 'datakit check' would, but for missing files: what
// they mean to the collectors is told with these.
func (d *doctor) configuration(ctx context.Context, s *settings, err error) section {
	out := section{Title: "Configuration"}
	if err != nil {
		for _, e := range config.Flatten(err) {
			out.problem("%v", e)
		}
		return out
	}
	for _, m := range s.mistakes {
		out.problem("%v", m)
	}
	mistakes, _, warnings := tryInputs(ctx, d.layout, s.inputs, d.environ)
	for _, m := range append(tryBackends(d.layout, s.main), mistakes...) {
		out.problem("%v", m)
	}
	for _, w := range append(s.warnings, warnings...) {
		out.warn("%v", w)
	}
	if len(out.Findings) == 0 {
		out.ok("%s is valid, %s", d.layout.confDir(), plural(len(s.inputs), "input"))
	}
	return out
}

// inputs lists those of the running agent.
func (d *doctor) inputs(state httpapi.State) section {
	s := section{Title: "Inputs"}
	for _, i := range state.Inputs {
		switch {
		case i.Phase == runner.PhaseFailed || i.Phase == runner.PhaseRestart:
			s.problem("%s (%s) is in phase %q for %s%s", i.Input, i.Place, i.Phase, since(d.now(), i.Since), because(i.LastError))
		case i.LastError != "":
			s.warn("%s (%s): %s", i.Input, i.Place, i.LastError)
		case i.Gathers > 0:
			s.ok("%s (%s): %d points in %d gatherings, the last one took %s", i.Input, i.Place, i.Points, i.Gathers, i.Duration)
		default:
			s.ok("%s (%s): %s for %s", i.Input, i.Place, i.Phase, since(d.now(), i.Since))
		}
	}
	if len(state.Inputs) == 0 {
		s.note("none is configured; copy a sample such as conf.d/host/ebpf.conf.sample to a name that ends in .conf")
	}
	return s
}

// ledger tells whether all points are accounted for.
func (d *doctor) ledger(state httpapi.State) section {
	s := section{Title: "Ledger"}
	for _, a := range state.Accounts {
		if b := a.Balance(); b != 0 {
			s.problem("account %s does not add up: %+d %s unexplained", a.Name, b, a.Unit)
		}
		for _, e := range a.Out {
			if e.Name == "dropped" && e.Count > 0 && e.Reason != notSelected {
				s.warn("%s: %d %s dropped (%s)", a.Name, e.Count, a.Unit, e.Reason)
			}
		}
	}
	if ledger.Check(state.Accounts) == nil && len(state.Accounts) > 0 {
		s.ok("%s, all add up", plural(len(state.Accounts), "account"))
	}
	return s
}

// lastErrors lists what inputs and posting programs reported.
func (d *doctor) lastErrors(state httpapi.State) section {
	s := section{Title: "Last errors"}
	for _, e := range state.Errors {
		source := ""
		if e.Source != "" {
			source = " (" + e.Source + ")"
		}
		s.warn("%s%s, %s ago, %s: %s", e.Input, source, since(d.now(), e.Time), plural(int(e.Count), "time"), e.Text)
	}
	return s
}
