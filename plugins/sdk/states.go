package sdk

import (
	"slices"
	"sync"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/plugins"
)

// states knows how each plugin is.
type states struct {
	now func() time.Time

	mu      sync.Mutex
	all     []plugins.State
	running map[string]plugins.Plugin // loaded, or tried to
}

func newStates(now func() time.Time) *states {
	return &states{now: now, running: map[string]plugins.Plugin{}}
}

// set notes the phase of a plugin. A plugin that is new is appended.
func (s *states) set(name, phase, detail string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(st plugins.State) bool { return st.Name == name })
	if i < 0 {
		i = len(s.all)
		s.all = append(s.all, plugins.State{Name: name})
	}
	st := &s.all[i]
	st.Phase, st.Detail, st.Since, st.Error = phase, detail, s.now(), ""
	if err != nil {
		st.Error = err.Error()
	}
}

// attach makes a plugin's hooks and accounts visible.
func (s *states) attach(name string, p plugins.Plugin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[name] = p
}

// snapshot returns states with hooks, and the accounts of all plugins.
func (s *states) snapshot() ([]plugins.State, []ledger.Account) {
	s.mu.Lock()
	all := slices.Clone(s.all)
	running := make([]plugins.Plugin, len(all))
	for i, st := range all {
		running[i] = s.running[st.Name]
	}
	s.mu.Unlock()
	var accounts []ledger.Account
	for i, p := range running {
		if h, ok := p.(plugins.Inspector); ok {
			all[i].Hooks = h.Hooks()
		}
		if a, ok := p.(plugins.Accountant); ok {
			accounts = append(accounts, a.Accounts()...)
		}
	}
	return all, accounts
}

// active reports whether a plugin is loading or running.
func (s *states) active(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.all, func(st plugins.State) bool {
		return st.Name == name && (st.Phase == plugins.PhaseRunning || st.Phase == plugins.PhaseLoading)
	})
}

// busy names the plugins that have not stopped.
func (s *states) busy() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.all {
		if st.Phase == plugins.PhaseRunning || st.Phase == plugins.PhaseLoading {
			names = append(names, "plugin "+st.Name)
		}
	}
	return names
}
