package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// Lines is the content of one request: line protocol as the client sent it.
type Lines struct {
	Body             []byte
	Precision        point.Precision
	IgnoreGlobalTags bool
}

// Writer stores what clients post.
type Writer interface {
	// Lines stores a body, whole or not at all, and returns the number of
	// points once they are durable. A body that is not line protocol is
	// refused with a *[point.SyntaxError]. Body may be read only until
	// Lines returns without error.
	Lines(ctx context.Context, c point.Category, l Lines) (points int, err error)
}

// write handles POST /v1/write/:category. The answer is 200 only once every
// point of the body is durable; one bad line refuses the whole body.
func (a *API) write(w http.ResponseWriter, r *http.Request) error {
	category, err := point.ParseCategory(r.PathValue("category"))
	if err != nil {
		return fail(http.StatusBadRequest, "invalidCategory", "%v", err)
	}
	args, err := parseWriteArgs(r)
	if err != nil {
		return err
	}
	body, err := a.bodies.read(r.Context(), r, args.encoding)
	if err != nil {
		return err
	}
	safe := true // nobody else reads the body
	defer func() {
		if safe {
			body.release()
		} else {
			body.forget()
		}
	}()
	a.meter.received(category, len(body.Bytes))

	posted, err := a.accept(r, category, args, body.Bytes)
	if err != nil {
		return err
	}
	if !args.dry {
		safe = false
		points, err := a.writer.Lines(r.Context(), category, posted.lines)
		if err != nil {
			return a.writeFailure(err)
		}
		safe = true
		if points == 0 && posted.points == 0 {
			return errNoPoints
		}
		a.meter.stored(category, points)
	}
	if args.echo != "" {
		writeJSON(w, http.StatusOK, content{posted.echo(args.echo)})
		return nil
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// writeFailure turns an error of the Writer into an answer. What passes asks
// the client to come again: the queue empties, the disk is cleared.
func (a *API) writeFailure(err error) error {
	var syntax *point.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fail(http.StatusBadRequest, "invalidLinePoint", "%v", syntax)
	case errors.Is(err, queue.ErrFull):
		return retryAfter(fullDelay, http.StatusTooManyRequests, "queueFull", "the queue is full, the backends do not keep up")
	case errors.Is(err, queue.ErrTooLarge):
		return fail(http.StatusRequestEntityTooLarge, "bodyTooLarge", "%v", err)
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout
	default:
		return retryAfter(storageDelay, http.StatusServiceUnavailable, "notStored", "%v", err)
	}
}

// How long clients are asked to wait: a full queue empties as fast as a
// backend takes it, a full disk when somebody acts.
const (
	fullDelay    = 2 * time.Second
	storageDelay = 5 * time.Second
)
