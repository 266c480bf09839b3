package httpapi

import (
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/queue"
	"datakit.dev/agent/plugins"
)

// State describes the running agent at one moment. It is what /metrics, the
// command line and `datakit doctor` are made of.
type State struct {
	About
	PID     int           `json:"pid"`
	Home    string        `json:"home"`
	Started time.Time     `json:"started"`
	Limits  ProcessLimits `json:"limits"`

	Inputs   []InputState     `json:"inputs"`
	Children []ChildState     `json:"children"`
	Feeds    []FeedState      `json:"feeds"`
	Queue    QueueState       `json:"queue"`
	Backends []BackendState   `json:"backends"`
	Accounts []ledger.Account `json:"accounts"`
	Errors   []LastError      `json:"errors"`
	Tail     TailState        `json:"tail"`
}

// ProcessLimits are the bounds the process runs within; 0 for none.
type ProcessLimits struct {
	OpenFiles uint64 `json:"open_files"`
	Memory    int64  `json:"memory_bytes"` // GOMEMLIMIT
}

// InputState is one configured input.
type InputState struct {
	Input string    `json:"input"`
	Place string    `json:"place"` // file and line of its configuration
	Phase string    `json:"phase"` // as package runner names them
	Since time.Time `json:"since"` // of the phase

	LastGather  time.Time     `json:"last_gather,omitzero"` // when the last gathering began
	Duration    time.Duration `json:"duration_ns"`          // how long it took
	Interval    time.Duration `json:"interval_ns,omitempty"`
	Gathers     int64         `json:"gathers"`
	Late        int64         `json:"late"` // gatherings that took longer than the interval
	Points      int64         `json:"points"`
	Errors      int64         `json:"errors"`
	Restarts    int64         `json:"restarts"`
	LastError   string        `json:"last_error,omitempty"`
	LastErrorAt time.Time     `json:"last_error_at,omitzero"`
}

// ChildState is one external collector.
type ChildState struct {
	Name     string    `json:"name"`
	Phase    string    `json:"phase"`
	Error    string    `json:"error,omitempty"` // of its last end
	Version  string    `json:"version,omitempty"`
	PID      int       `json:"pid,omitempty"` // 0 while it does not run
	Since    time.Time `json:"since"`         // of the phase
	Restarts int64     `json:"restarts"`
	RSS      int64     `json:"rss_bytes"`
	CPU      float64   `json:"cpu_cores"` // over the window of cpu_limit

	Plugins    []plugins.State  `json:"plugins,omitempty"`
	Accounts   []ledger.Account `json:"accounts,omitempty"` // of events
	Feed       FeedState        `json:"feed"`               // of the child and of all that ran before it
	Unreported int64            `json:"unreported"`         // points that were pending in a child that died
}

// FeedState counts the points of one feed since the start.
type FeedState struct {
	Name     string           `json:"name"`
	Captured int64            `json:"captured"`
	Emitted  int64            `json:"emitted"` // taken over by the next stage
	Filtered int64            `json:"filtered"`
	Sampled  int64            `json:"sampled"`
	Pending  int64            `json:"pending"`
	Dropped  map[string]int64 `json:"dropped,omitempty"` // by reason
}

// QueueState is the queue on disk.
type QueueState struct {
	Dir      string `json:"dir"`
	Bytes    int64  `json:"bytes"` // of segments
	MaxBytes int64  `json:"max_bytes"`
	Full     bool   `json:"full"` // clients get 429

	DamagedRegions int64 `json:"damaged_regions"` // stretches of bytes set aside
	DamagedBytes   int64 `json:"damaged_bytes"`
	TornRecords    int64 `json:"torn_records"` // unfinished writes found at the start
	WriteErrors    int64 `json:"write_errors"`
	SyncErrors     int64 `json:"sync_errors"`
	CursorErrors   int64 `json:"cursor_errors"`

	Cursors []CursorState `json:"cursors"`
}

// CursorState is the place of one backend in the log of one category. Counts
// are points: Carried + Put = Uploaded + Dropped + Queued.
type CursorState struct {
	Backend  string           `json:"backend"`
	Category string           `json:"category"`
	Carried  int64            `json:"carried"`  // found when the queue was opened
	Put      int64            `json:"put"`      // added since
	Uploaded int64            `json:"uploaded"` // delivered since
	Queued   int64            `json:"queued"`   // waiting
	Bytes    int64            `json:"bytes"`    // waiting
	Oldest   time.Time        `json:"oldest,omitzero"`
	Dropped  map[string]int64 `json:"dropped,omitempty"` // by reason
}

// NewQueueState describes a queue.
func NewQueueState(dir string, full bool, s queue.Stats) QueueState {
	q := QueueState{
		Dir: dir, Bytes: s.Bytes, MaxBytes: s.MaxBytes, Full: full,
		DamagedRegions: s.DamagedRegions, DamagedBytes: s.DamagedBytes, TornRecords: s.TornRecords,
		WriteErrors: s.WriteErrors, SyncErrors: s.SyncErrors, CursorErrors: s.CursorErrors,
		Cursors: make([]CursorState, 0, len(s.Cursors)),
	}
	for _, c := range s.Cursors {
		q.Cursors = append(q.Cursors, CursorState{
			Backend: c.Backend, Category: c.Category.String(), Carried: c.Carried, Put: c.Put, Uploaded: c.Uploaded,
			Queued: c.Queued, Bytes: c.Bytes, Oldest: c.Oldest, Dropped: c.Dropped,
		})
	}
	return q
}

// BackendState is how delivery to one backend goes.
type BackendState struct {
	Backend     string    `json:"backend"`
	Kind        string    `json:"kind"`
	InFlight    int       `json:"in_flight"` // points in requests under way
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"` // stays after recovery
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	Failures    int       `json:"failures"` // consecutive ones; 0 is healthy
	Since       time.Time `json:"since,omitzero"`
	NextTry     time.Time `json:"next_try,omitzero"`
	Alarm       string    `json:"alarm,omitempty"`   // why someone has to act
	Warning     string    `json:"warning,omitempty"` // what needs a look though delivery goes on

	Traffic []TrafficState `json:"traffic"`
}

// TrafficState counts the requests of one category to a backend.
type TrafficState struct {
	Category    string           `json:"category"`
	Requests    int64            `json:"requests"`
	Points      int64            `json:"points"` // delivered
	Bytes       int64            `json:"bytes"`  // delivered, as sent
	Retries     int64            `json:"retries"`
	DeadLetters map[string]int64 `json:"dead_letters,omitempty"` // points refused for good, by reason
	Unsaved     int64            `json:"unsaved"`                // those of them that could not be kept
}

// TailState is who watches the live lines.
type TailState struct {
	Subscribers int   `json:"subscribers"`
	Dropped     int64 `json:"dropped"` // points not shown because a subscriber was slow
}
