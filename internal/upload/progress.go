package upload

import (
	"log/slog"
	"maps"
	"sync"
	"time"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
)

// Stats counts the traffic of one category since the start.
type Stats struct {
	Requests int64 // sent, whatever came back
	Points   int64 // that the backend took
	Bytes    int64 // in requests that were answered 2xx, as sent
	Retries  int64 // attempts that failed and are made again

	DeadLetters map[string]int64 // points refused for good, by reason
	Unsaved     int64            // those of them that could not be kept as dead letters
}

// Health is the state of a backend.
type Health struct {
	Backend string

	InFlight    int       // points in requests under way
	LastSuccess time.Time // zero when there was none
	LastError   string    // of the last attempt that failed; stays after recovery
	LastErrorAt time.Time

	Failures int       // consecutive ones, of the category that has most; 0 is healthy
	Since    time.Time // of the failures, when there are some
	NextTry  time.Time // then, the next attempt
	Alarm    string    // why someone has to act, when someone has
	Warning  string    // what needs a look though delivery goes on
}

// progress is what all workers of a backend take note in.
type progress struct {
	backend string
	log     *slog.Logger

	mu         sync.Mutex
	categories map[point.Category]*track
	success    time.Time
	lastError  string
	errorAt    time.Time
	since      time.Time // of the first category that fails; zero when none does
	alarmed    bool      // the alarm of this period is logged
	warning    string
	complained time.Time // when a dead letter was last logged
}

// track is the part of one category.
type track struct {
	Stats
	inFlight int
	failures int
	nextTry  time.Time
	alarm    string
}

func newProgress(backend string, log *slog.Logger) *progress {
	return &progress{backend: backend, log: log, categories: map[point.Category]*track{}}
}

// track returns the part of a category. The caller holds p.mu.
func (p *progress) track(c point.Category) *track {
	t := p.categories[c]
	if t == nil {
		t = &track{Stats: Stats{DeadLetters: map[string]int64{}}}
		p.categories[c] = t
	}
	return t
}

// begin takes note of a request that is about to be sent.
func (p *progress) begin(c point.Category, r request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.track(c)
	t.Requests++
	t.inFlight = r.points
}

// end takes note of its reply. Failures are told by fail or bury.
func (p *progress) end(c point.Category, r request, reply dataway.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.track(c)
	t.inFlight = 0
	if reply.Warning != "" && reply.Warning != p.warning {
		p.log.Warn("backend uses what it read before", "error", reply.Warning)
	}
	p.warning = reply.Warning
	if reply.Verdict != dataway.Done {
		return
	}
	t.Points += int64(r.points)
	t.Bytes += int64(r.bytes)
	p.success = time.Now()
	t.failures, t.alarm = 0, ""
	p.recover()
}

// recover logs the end of a period of failures when no category fails any
// more. The caller holds p.mu.
func (p *progress) recover() {
	if p.since.IsZero() {
		return
	}
	for _, t := range p.categories {
		if t.failures > 0 {
			return
		}
	}
	p.log.Info("backend takes data again", "after", time.Since(p.since).Round(time.Millisecond))
	p.since, p.alarmed = time.Time{}, false
}

// fail takes note of an attempt that is made again after delay. A period of
// failures is logged once, and once more when it becomes an alarm.
func (p *progress) fail(c point.Category, reply dataway.Reply, err error, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	t := p.track(c)
	t.Retries++
	t.failures++
	t.nextTry = now.Add(delay)
	t.alarm = ""
	p.lastError, p.errorAt = err.Error(), now
	if reply.Verdict == dataway.Slow {
		t.alarm = err.Error()
		if !p.alarmed {
			p.log.Error("backend needs attention, data is kept and tried again slowly", "category", c, "error", err)
			p.alarmed = true
		}
	} else if p.since.IsZero() {
		p.log.Warn("backend does not take data, trying again", "category", c, "error", err)
	}
	if p.since.IsZero() {
		p.since = now
	}
}

// complainEvery is the time between two log lines about refused points.
const complainEvery = 10 * time.Minute

// bury takes note of a block of which n points will not be delivered.
func (p *progress) bury(b *point.Block, n int, reason string, cause error, saved bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.track(b.Category)
	t.DeadLetters[reason] += int64(n)
	t.Points += int64(b.Points - n)
	if !saved {
		t.Unsaved += int64(n)
	}
	t.failures = 0 // it answers, and the category moves on
	t.alarm = "refuses points for good: " + cause.Error()
	p.recover()
	now := time.Now()
	p.lastError, p.errorAt = cause.Error(), now
	if p.complained.IsZero() || now.Sub(p.complained) >= complainEvery {
		p.log.Warn("backend refuses points for good", "category", b.Category, "reason", reason, "points", n, "kept", saved, "error", cause)
		p.complained = now
	}
}

func (p *progress) health() Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := Health{
		Backend: p.backend, LastSuccess: p.success, LastError: p.lastError, LastErrorAt: p.errorAt,
		Since: p.since, Warning: p.warning,
	}
	for _, t := range p.categories {
		h.InFlight += t.inFlight
		if t.alarm != "" {
			h.Alarm = t.alarm
		}
		if t.failures > 0 && (h.NextTry.IsZero() || t.nextTry.Before(h.NextTry)) {
			h.NextTry = t.nextTry
		}
		h.Failures = max(h.Failures, t.failures)
	}
	return h
}

func (p *progress) stats() map[point.Category]Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[point.Category]Stats, len(p.categories))
	for c, t := range p.categories {
		s := t.Stats
		s.DeadLetters = maps.Clone(s.DeadLetters)
		all[c] = s
	}
	return all
}
