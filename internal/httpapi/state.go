package httpapi

import (
	"time"

	"datakit.dev/agent/internal/ledger"
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
	Uploads  []UploadState    `json:"uploads"`
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
	Name     string        `json:"name"`
	Source   string        `json:"source"` // file and line of its configuration
	Phase    string        `json:"phase"`  // "running", "failed", "waiting", "stopped"
	Error    string        `json:"error,omitempty"`
	Since    time.Time     `json:"since"`
	Gathers  int64         `json:"gathers"`
	Failures int64         `json:"failures"`
	Panics   int64         `json:"panics"`
	Points   int64         `json:"points"`
	Last     time.Duration `json:"last_ns"` // duration of the last gathering
}

// ChildState is one external collector.
type ChildState struct {
	Name     string          `json:"name"`
	Phase    string          `json:"phase"`
	Error    string          `json:"error,omitempty"`
	PID      int             `json:"pid,omitempty"`
	Since    time.Time       `json:"since"`
	Restarts int64           `json:"restarts"`
	RSS      int64           `json:"rss_bytes"`
	CPU      float64         `json:"cpu_cores"` // over the window of cpu_limit
	Plugins  []plugins.State `json:"plugins,omitempty"`
	Feed     FeedState       `json:"feed"`
	Lost     int64           `json:"unreported"` // points a child had captured when it died unclean
}

// FeedState counts the points of one feed since the start of its process.
type FeedState struct {
	Name     string           `json:"name"`
	Captured int64            `json:"captured"`
	Emitted  int64            `json:"emitted"`
	Filtered int64            `json:"filtered"`
	Sampled  int64            `json:"sampled"`
	Pending  int64            `json:"pending"`
	Dropped  map[string]int64 `json:"dropped,omitempty"`
}

// QueueState is the queue on disk.
type QueueState struct {
	Dir      string         `json:"dir"`
	Bytes    int64          `json:"bytes"`
	MaxBytes int64          `json:"max_bytes"`
	Full     bool           `json:"full"`
	Cursors  []CursorState  `json:"cursors"`
	Damaged  map[string]int `json:"damaged,omitempty"` // files set aside, by category
}

// CursorState is the place of one backend in the log of one category.
type CursorState struct {
	Backend  string           `json:"backend"`
	Category string           `json:"category"`
	Carried  int64            `json:"carried"`  // points found when the queue was opened
	Put      int64            `json:"put"`      // points added since
	Uploaded int64            `json:"uploaded"` // points delivered since
	Queued   int64            `json:"queued"`   // points waiting
	Bytes    int64            `json:"bytes"`    // waiting
	Oldest   time.Time        `json:"oldest,omitzero"`
	Dropped  map[string]int64 `json:"dropped,omitempty"`
}

// UploadState is the worker of one backend and category.
type UploadState struct {
	Backend  string        `json:"backend"`
	Category string        `json:"category"`
	Phase    string        `json:"phase"` // "idle", "sending", "waiting", "alarm"
	Error    string        `json:"error,omitempty"`
	Since    time.Time     `json:"since"`
	Posts    int64         `json:"posts"`
	Failures int64         `json:"failures"`
	Bytes    int64         `json:"bytes"`
	Latency  time.Duration `json:"latency_ns"` // of the last post
}

// TailState is who watches the live lines.
type TailState struct {
	Subscribers int   `json:"subscribers"`
	Dropped     int64 `json:"dropped"` // points not shown because a subscriber was slow
}
