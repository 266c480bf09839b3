package runtimes

import (
	"context"
	"sync"
	"time"

	subscription "github.com/containerd/containerd/api/services/events/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxOOM bounds the containers whose OOM kills wait to be asked for. More of
// them between two discoveries are not reported.
const maxOOM = 1024

// oomWatch listens to containerd's events, the only place where it tells that
// the kernel killed a process of a container for want of memory.
type oomWatch struct {
	stream *stream

	mu   sync.Mutex
	seen map[string]time.Time // by container, the last one
}

// watchOOM begins to listen; closing its stream ends it.
func watchOOM(conn *grpc.ClientConn) *oomWatch {
	w := &oomWatch{seen: map[string]time.Time{}}
	w.stream = keepListening(func(ctx context.Context) { w.listen(ctx, subscription.NewEventsClient(conn)) })
	return w
}

// listen returns when the stream breaks.
func (w *oomWatch) listen(ctx context.Context, api subscription.EventsClient) {
	stream, err := api.Subscribe(ctx, &subscription.SubscribeRequest{Filters: []string{`topic=="/tasks/oom"`}})
	if err != nil {
		return
	}
	for {
		e, err := stream.Recv()
		if err != nil {
			return
		}
		if id := containerOf(e.GetEvent().GetValue()); id != "" {
			w.note(id, e.GetTimestamp().AsTime())
		}
	}
}

// containerOf reads the only field of a TaskOOM (containerd,
// api/events/task.proto), whose package is much larger than this.
func containerOf(event []byte) string {
	number, kind, n := protowire.ConsumeTag(event)
	if n < 0 || number != 1 || kind != protowire.BytesType {
		return ""
	}
	id, n := protowire.ConsumeString(event[n:])
	if n < 0 {
		return ""
	}
	return id
}

func (w *oomWatch) note(id string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.seen[id]; known || len(w.seen) < maxOOM {
		w.seen[id] = at
	}
}

// take returns what was seen since it was called last.
func (w *oomWatch) take() map[string]time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = map[string]time.Time{}
	return seen
}
