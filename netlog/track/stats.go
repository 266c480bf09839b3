package track

// Stats counts since the table was made, except Open. Every packet handed in
// is in exactly one of Tracked, LaterFragments and Untracked.
type Stats struct {
	Tracked        int64 // packets that belong to a connection
	LaterFragments int64 // they have no ports
	Untracked      int64 // other protocols than TCP, UDP, ICMP and ICMPv6

	Opened  int64 // connections begun
	Ended   [reasons]int64
	Open    int64          // connections there are now
	Memory  int64          // bytes set aside for them
	Evicted [classes]int64 // of Ended, by what they were: unanswered, open, over

	GapsForgotten int64 // gaps in streams that were not kept; what fills one counts as retransmission
}

// Reason says why a connection left the table.
type Reason uint8

// Reasons.
const (
	Idle    Reason = iota // no packet for too long
	Over                  // closed, and the time for stragglers has passed
	Reused                // a new connection has the same addresses and ports
	Evicted               // the table was full
	Stopped               // Close

	reasons
)

// String is the name in counters.
func (r Reason) String() string {
	return [...]string{"idle", "closed", "reused", "evicted", "stopped"}[r]
}

// Add sums up two tables.
func (s *Stats) Add(o *Stats) {
	s.Tracked += o.Tracked
	s.LaterFragments += o.LaterFragments
	s.Untracked += o.Untracked
	s.Opened += o.Opened
	s.Open += o.Open
	s.Memory += o.Memory
	s.GapsForgotten += o.GapsForgotten
	for i := range s.Ended {
		s.Ended[i] += o.Ended[i]
	}
	for i := range s.Evicted {
		s.Evicted[i] += o.Evicted[i]
	}
}
