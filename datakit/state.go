package main

import (
	"os"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/point"
)

// state describes the agent at one moment, for /metrics and the commands.
func (a *agent) state() httpapi.State {
	s := httpapi.State{
		About: about(a.host()), PID: os.Getpid(), Home: a.layout.home, Started: a.started, Limits: a.limits,
		Inputs: a.inputStates(), Children: a.childStates(), Backends: a.backendStates(),
		Errors: a.errors.List(), Tail: a.tap.State(),
	}
	a.book.View(func() {
		s.Accounts, s.Feeds = a.accounts(), a.feedStates()
		s.Queue = httpapi.NewQueueState(a.queueDir, a.queue.Full(), a.queue.Stats())
	})
	return s
}

func (a *agent) inputStates() []httpapi.InputState {
	all := []httpapi.InputState{}
	for _, i := range a.inputs.States() {
		all = append(all, httpapi.InputState(i))
	}
	return all
}

func (a *agent) childStates() []httpapi.ChildState {
	all := []httpapi.ChildState{}
	for _, c := range a.children.statuses() {
		all = append(all, httpapi.ChildState{
			Name: c.Name, Phase: c.Phase, Error: c.LastError, Version: c.Version, PID: c.PID, Since: c.Since, Restarts: c.Restarts,
			RSS: c.Usage.RSS, CPU: c.Usage.Cores, Plugins: c.Health.Plugins, Accounts: c.Health.Accounts,
			Unreported: c.Totals.Unreported,
			Feed: httpapi.FeedState{
				Name: c.Name, Captured: c.Totals.Captured, Emitted: c.Totals.Accepted, Filtered: c.Totals.Filtered,
				Sampled: c.Totals.Sampled, Pending: c.Totals.Pending, Dropped: c.Totals.Dropped,
			},
		})
	}
	return all
}

func (a *agent) backendStates() []httpapi.BackendState {
	all := []httpapi.BackendState{}
	for _, d := range a.uploads.list() {
		h := d.uploader.Health()
		b := httpapi.BackendState{
			Backend: d.Name, Kind: d.Kind, InFlight: h.InFlight, LastSuccess: h.LastSuccess,
			LastError: h.LastError, LastErrorAt: h.LastErrorAt, Failures: h.Failures, Since: h.Since, NextTry: h.NextTry,
			Alarm: h.Alarm, Warning: h.Warning, Traffic: []httpapi.TrafficState{},
		}
		stats := d.uploader.Stats()
		for _, c := range point.Categories() {
			if s, ok := stats[c]; ok {
				b.Traffic = append(b.Traffic, httpapi.TrafficState{
					Category: c.String(), Requests: s.Requests, Points: s.Points, Bytes: s.Bytes, Retries: s.Retries,
					DeadLetters: s.DeadLetters, Unsaved: s.Unsaved,
				})
			}
		}
		all = append(all, b)
	}
	return all
}
