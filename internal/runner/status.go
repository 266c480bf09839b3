package runner

func (t *task) update(change func(*State)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.state)
}

func (t *task) snapshot() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

func (t *task) phase(p string) {
	now := t.cfg.Now()
	t.update(func(s *State) { s.Phase, s.Since = p, now })
}

func (t *task) failed(err error) {
	now := t.cfg.Now()
	t.update(func(s *State) {
		s.Errors++
		s.LastError, s.LastErrorAt = err.Error(), now
	})
	t.tell(err)
}

// works clears the last error.
func (t *task) works() {
	t.update(func(s *State) { s.LastError = "" })
	t.tell(nil)
}

func (t *task) tell(err error) {
	if t.job.Failed != nil {
		t.job.Failed(err)
	}
}

func (t *task) restarting(err error) {
	t.failed(err)
	t.phase(PhaseRestart)
	t.update(func(s *State) { s.Restarts++ })
}

// report is how an input tells of trouble that does not end it; nil clears
// its last error.
func (t *task) report(err error) {
	if err != nil {
		t.failed(err)
		return
	}
	t.works()
}
