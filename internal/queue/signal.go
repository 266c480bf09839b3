package queue

// signal wakes all its waiters at once. The lock of its owner guards it.
type signal struct{ ch chan struct{} }

// wait returns a channel that is closed by the next broadcast.
func (s *signal) wait() <-chan struct{} {
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// waiting reports whether anybody may be waiting.
func (s *signal) waiting() bool { return s.ch != nil }

func (s *signal) broadcast() {
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
