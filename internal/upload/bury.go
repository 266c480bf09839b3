package upload

import "datakit.dev/agent/internal/point"

// bury keeps a block that will not be delivered as plain lines in the dead
// letters, as far as they have room, and takes note of it.
func (w *worker) bury(b *point.Block, reason string, cause error) {
	saved := false
	if w.cfg.DeadLetters != nil {
		encoding, payload := point.Identity, b.Payload
		if body, err := decode(b); err == nil {
			payload = body
		} else {
			encoding = b.Encoding // as it is: a person may make something of it
		}
		err := w.cfg.DeadLetters.Write(b.Category, encoding, b.Points, [][]byte{payload})
		saved = err == nil
	}
	w.progress.bury(b, reason, cause, saved)
}
