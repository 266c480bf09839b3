package feed

import (
	"context"
	"sync"
)

// window counts the blocks the sink has not finished with. Producers wait
// until there is room before they take points; what they took then goes out,
// even beyond the limit, so that points are taken all or not at all.
type window struct {
	mu     sync.Mutex
	limit  int
	blocks int
	room   chan struct{} // closed when there is room again; nil while there is
}

// wait returns once there is room, or with the error of ctx.
func (w *window) wait(ctx context.Context) error {
	for {
		w.mu.Lock()
		if w.blocks < w.limit {
			w.mu.Unlock()
			return ctx.Err()
		}
		if w.room == nil {
			w.room = make(chan struct{})
		}
		room := w.room
		w.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *window) enter() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocks++
}

func (w *window) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocks--
	if w.blocks < w.limit && w.room != nil {
		close(w.room)
		w.room = nil
	}
}
