package limit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Defaults of a [Watcher].
const (
	DefaultWindow = 10 * time.Second
	DefaultEvery  = time.Second
)

// Usage is what a process tree uses, read at one moment.
type Usage struct {
	CPU  time.Duration      // user and system time since the start
	RSS  int64              // resident bytes
	NICs map[string]Traffic // of the machine, without lo
}

// Traffic is what a network interface has moved since it exists, in bytes.
type Traffic struct{ RX, TX uint64 }

// Watcher compares usage with limits. CPU and network are averages over a
// sliding window, so that a burst shorter than the window's share of it does
// no harm and a load that stays is seen within one window; memory counts at
// once.
type Watcher struct {
	Limits Limits
	Read   func() (Usage, error)
	Window time.Duration // 0 is DefaultWindow
	Every  time.Duration // 0 is DefaultEvery
	Now    func() time.Time

	samples []sample

	mu   sync.Mutex
	last Reading
}

type sample struct {
	at time.Time
	Usage
}

// Reading is the latest result of a watcher.
type Reading struct {
	Cores float64 `json:"cores"` // over the window; 0 until there are two samples
	RSS   int64   `json:"rss"`
	Err   string  `json:"error,omitempty"` // why there is none
}

// Run watches until ctx ends (and returns nil) or a limit is exceeded (and
// returns an [*Exceeded]). A usage that cannot be read exceeds nothing; it
// shows in Last.
func (w *Watcher) Run(ctx context.Context) error {
	tick := time.NewTicker(or(w.Every, DefaultEvery))
	defer tick.Stop()
	for {
		usage, err := w.Read()
		if err != nil {
			w.set(Reading{Err: err.Error()})
		} else if exceeded := w.observe(w.Now(), usage); exceeded != nil {
			return exceeded
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Last returns the latest reading.
func (w *Watcher) Last() Reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

func (w *Watcher) set(r Reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = r
}

// observe adds a sample and returns the first limit that is exceeded, if any.
func (w *Watcher) observe(now time.Time, u Usage) *Exceeded {
	w.samples = append(w.samples, sample{now, u})
	window := or(w.Window, DefaultWindow)
	for len(w.samples) > 2 && now.Sub(w.samples[1].at) >= window {
		w.samples = slices.Delete(w.samples, 0, 1)
	}
	first := w.samples[0]
	elapsed := now.Sub(first.at)
	reading := Reading{RSS: u.RSS}
	if elapsed > 0 {
		reading.Cores = max(0, (u.CPU-first.CPU).Seconds()/elapsed.Seconds())
	}
	w.set(reading)

	if w.Limits.Mem > 0 && u.RSS > w.Limits.Mem {
		return &Exceeded{Key: "mem_limit", Used: formatBytes(float64(u.RSS)), Max: formatBytes(float64(w.Limits.Mem))}
	}
	if elapsed < window {
		return nil
	}
	if w.Limits.CPU > 0 && reading.Cores > w.Limits.CPU {
		return &Exceeded{Key: "cpu_limit", Used: fmt.Sprintf("%.2f cores", reading.Cores), Max: fmt.Sprintf("%g", w.Limits.CPU)}
	}
	return w.network(first.NICs, u.NICs, elapsed)
}

// network judges the interfaces that existed all through the window.
func (w *Watcher) network(before, now map[string]Traffic, elapsed time.Duration) *Exceeded {
	if w.Limits.Net <= 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		old, ok := before[name]
		if !ok {
			continue
		}
		for _, d := range []struct {
			direction string
			from, to  uint64
		}{{"rx", old.RX, now[name].RX}, {"tx", old.TX, now[name].TX}} {
			if d.to < d.from {
				continue // replaced by another interface of that name
			}
			if rate := float64(d.to-d.from) / elapsed.Seconds(); rate > float64(w.Limits.Net) {
				return &Exceeded{
					Key: "net_limit", Used: formatBytes(rate) + "/s", Max: formatBytes(float64(w.Limits.Net)) + "/s",
					Where: name + " " + d.direction,
				}
			}
		}
	}
	return nil
}

func or(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}
