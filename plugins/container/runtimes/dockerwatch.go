package runtimes

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// maxChanged bounds the containers that are remembered as changed. With more
// of them all are asked for.
const maxChanged = 1024

// dockerWatch listens to the events of a Docker Engine, so that only those
// containers are asked for that have changed.
type dockerWatch struct {
	stream *stream

	mu        sync.Mutex
	connected bool
	missed    bool // there may have been events that nobody heard
	changed   map[string]bool
}

func watchDocker(client *http.Client) *dockerWatch {
	w := &dockerWatch{changed: map[string]bool{}}
	w.stream = keepListening(func(ctx context.Context) {
		defer w.connect(false)
		w.listen(ctx, client)
	})
	return w
}

// listen returns when the stream breaks.
func (w *dockerWatch) listen(ctx context.Context, client *http.Client) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, `http://docker/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D`, nil)
	if err != nil {
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		return
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return
	}
	w.connect(true)
	events := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)) // then the next stream
	for {
		var e struct {
			Action string
			Actor  struct{ ID string }
		}
		if events.Decode(&e) != nil {
			return
		}
		// What health checks do changes nothing that is asked for.
		if !strings.HasPrefix(e.Action, "exec") && !strings.HasPrefix(e.Action, "health") {
			w.note(e.Actor.ID)
		}
	}
}

// connect notes that the stream was opened or broke.
func (w *dockerWatch) connect(connected bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connected, w.missed = connected, true
	clear(w.changed)
}

func (w *dockerWatch) note(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed[id] = true; len(w.changed) > maxChanged {
		w.missed = true
		clear(w.changed)
	}
}

// take returns which containers have changed since it was called last; all
// when that is not known.
func (w *dockerWatch) take() (changed map[string]bool, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed, all = w.changed, w.missed || !w.connected
	w.changed, w.missed = map[string]bool{}, false
	return changed, all
}
