package main

import (
	"slices"
	"testing"

	"datakit.dev/agent/internal/httpapi"
)

// What an input fails with is among the last errors of the agent.
func TestErrorsOfInputsAreKept(t *testing.T) {
	r := startAgent(t, "", debugFactories(), map[string]string{"conf.d/x.conf": "[[inputs.fails]]\n[[inputs.none]]\n"})
	r.eventually("the error is kept", func() bool {
		return slices.ContainsFunc(r.errors.List(), func(e httpapi.LastError) bool { return e.Input == "fails" && e.Text == "no such file" })
	})
	for _, e := range r.errors.List() {
		if e.Input != "fails" {
			t.Errorf("%+v", e)
		}
	}
}
