package upload

import (
	"time"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// request is a body made of one or several blocks.
type request struct {
	encoding   point.Encoding
	parts      [][]byte
	points     int
	raw, bytes int
}

func (r *request) add(b *point.Block) {
	r.encoding = b.Encoding
	r.parts = append(r.parts, b.Payload)
	r.points += b.Points
	r.raw += b.RawBytes
	r.bytes += len(b.Payload)
}

// merge makes a request of the first entries, as many as the bounds allow and
// at least one. Their encoding is the same, so their payloads may be joined.
func (w *worker) merge(entries []queue.Entry) request {
	if w.maxBody < w.cfg.MaxBody && time.Since(w.shrunk) > shrunkFor {
		w.maxBody = w.cfg.MaxBody
	}
	var r request
	for i := range entries {
		b := &entries[i].Block
		if i > 0 && (w.single > 0 || b.Encoding != r.encoding || r.bytes+len(b.Payload) > w.maxBody ||
			r.raw+b.RawBytes > w.cfg.MaxRaw || r.points+b.Points > w.cfg.MaxPoints) {
			break
		}
		r.add(b)
	}
	return r
}
