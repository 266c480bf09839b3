package upload

import (
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
)

// refused buries a block that the backend will never take, and returns how
// many of its points that concerns: all, unless the backend says that it wrote
// the others. It does not say which; all are kept.
func (w *worker) refused(b *point.Block, reply dataway.Reply, cause error) int {
	n := b.Points
	if reply.Rejected > 0 && reply.Rejected < n {
		n = reply.Rejected
	}
	w.bury(b, n, Rejected, cause)
	return n
}

// bury keeps a block of which n points will not be delivered as plain lines in
// the dead letters, as far as they have room, and takes note of it.
func (w *worker) bury(b *point.Block, n int, reason string, cause error) {
	saved := false
	if w.cfg.DeadLetters != nil {
		encoding, payload := point.Identity, b.Payload
		if body, err := decode(b); err == nil {
			payload = body
		} else {
			encoding = b.Encoding // as it is: a person may make something of it
		}
		saved = w.cfg.DeadLetters.Write(b.Category, encoding, b.Points, [][]byte{payload}) == nil
	}
	w.progress.bury(b, n, reason, cause, saved)
}
