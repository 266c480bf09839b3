package httpapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
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

// writeArgs are the query arguments of /v1/write/:category. As in DataKit,
// a boolean is set by any value that is not empty, even "false". Arguments of
// pipelines and elections (source, version, global_election_tags,
// storage_index) and the name of the sender (input) change nothing here.
type writeArgs struct {
	precision        point.Precision
	encoding         string
	ignoreGlobalTags bool
	strict, dry      bool
	echo             string // "", "lp" or "json"
}

func parseWriteArgs(r *http.Request) (writeArgs, error) {
	a := writeArgs{}
	if r.URL.RawQuery == "" {
		a.encoding = bodyEncoding("", r.Header)
		return a, nil
	}
	q := r.URL.Query()
	a.precision = point.ParsePrecision(q.Get("precision"))
	a.encoding = bodyEncoding(q.Get("encoding"), r.Header)
	a.ignoreGlobalTags = q.Get("ignore_global_host_tags") != "" || q.Get("ignore_global_tags") != ""
	a.strict = q.Get("strict") != ""
	a.dry = q.Get("dry") != ""
	a.echo = q.Get("echo")
	switch {
	case a.echo == "" && q.Get("echo_line_proto") != "":
		a.echo = "lp"
	case a.echo == "" && q.Get("echo_json") != "":
		a.echo = "json"
	}
	if a.echo != "" && a.echo != "lp" && a.echo != "json" {
		return a, fail(http.StatusBadRequest, "invalidEcho", "echo is %.20q, want lp or json", a.echo)
	}
	return a, nil
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
		points, err := a.writer.Lines(r.Context(), category, posted.lines)
		if err != nil {
			safe = false
			return a.writeFailure(err)
		}
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

// posted is a body that may be stored.
type posted struct {
	lines  Lines
	points int // when they were counted here
	text   []byte
}

// accept checks the body as far as the Writer does not. Plain line protocol
// is left to the Writer, which reads it once; JSON becomes line protocol, and
// what is to be echoed, or held to the point rules, is read here first.
func (a *API) accept(r *http.Request, c point.Category, args writeArgs, body []byte) (posted, error) {
	if len(body) == 0 {
		return posted{}, fail(http.StatusBadRequest, "emptyBody", "the body is empty")
	}
	out := posted{lines: Lines{Body: body, Precision: args.precision, IgnoreGlobalTags: args.ignoreGlobalTags}}
	now := a.now().UnixNano()
	switch kind := contentType(r.Header.Get("Content-Type")); {
	case kind == "application/json":
		return a.acceptJSON(out, c, args, now)
	case kind == "application/protobuf", kind == "application/pbjson":
		return posted{}, fail(http.StatusUnsupportedMediaType, "unsupportedContentType",
			"%s is not supported, want line protocol or application/json", kind)
	case args.strict, args.dry, args.echo != "":
		return acceptLines(out, c, args, now)
	default:
		return out, nil
	}
}

// contentType is the media type of the header, without parameters.
func contentType(header string) string {
	kind, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// acceptLines reads line protocol as the Writer will, keeping what will be
// stored (without global tags).
func acceptLines(out posted, c point.Category, args writeArgs, now int64) (posted, error) {
	var first warnings
	var s point.Scanner
	for s.Reset(out.lines.Body, c, args.precision); s.Next(); out.points++ {
		out.text, _ = s.AppendLine(out.text, nil, now, first.add)
	}
	if err := s.Err(); err != nil {
		return posted{}, fail(http.StatusBadRequest, "invalidLinePoint", "%v", err)
	}
	if out.points == 0 {
		return posted{}, errNoPoints
	}
	return out, first.failure(args.strict)
}

// acceptJSON turns a JSON array of points into line protocol.
func (a *API) acceptJSON(out posted, c point.Category, args writeArgs, now int64) (posted, error) {
	var first warnings
	var text []byte
	dec := newJSONDecoder(out.lines.Body, args.precision)
	err := dec.decode(func(p *point.Point, stamped bool) error {
		if len(p.Fields) == 0 {
			return errors.New("want at least one field")
		}
		out.points++
		if !stamped {
			p.Time = now
		}
		line, ok := point.AppendLine(text, p, c, nil, first.add)
		if ok && p.Time == 0 { // the epoch itself, which AppendLine takes for "not known"
			line = append(line[:len(line)-1], " 0\n"...)
		}
		if int64(len(line)) > a.bodies.limit {
			return errTooLarge
		}
		text = line
		return nil
	})
	switch {
	case errors.Is(err, errTooLarge):
		return posted{}, a.bodies.tooLarge()
	case err != nil:
		return posted{}, fail(http.StatusBadRequest, "invalidJsonPoint", "%v", err)
	case out.points == 0:
		return posted{}, errNoPoints
	}
	out.lines.Body, out.lines.Precision, out.text = text, point.Nanosecond, text
	return out, first.failure(args.strict)
}

var errNoPoints = fail(http.StatusBadRequest, "noPoints", "the body has no points")

// warnings keeps the first broken point rule.
type warnings struct {
	first point.Warning
	any   bool
}

func (w *warnings) add(warning point.Warning) {
	if !w.any {
		w.first, w.any = warning, true
	}
}

// failure refuses a body that broke a rule, when the client wants that.
func (w *warnings) failure(strict bool) error {
	if !strict || !w.any {
		return nil
	}
	return fail(http.StatusBadRequest, "pointGotWarning", "%s: %s", w.first.Type, w.first.Text)
}

// echo returns the points as they are stored, save for the global tags.
func (p *posted) echo(form string) any {
	if form == "lp" {
		return string(bytes.TrimSuffix(p.text, []byte{'\n'}))
	}
	out := []byte{'['}
	for decoded, err := range point.Decode(p.text, point.Nanosecond) {
		if err != nil {
			break // our own encoding, covered by the fuzz tests
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = appendJSON(out, &decoded)
	}
	return rawJSON(append(out, ']'))
}

// rawJSON is JSON already.
type rawJSON []byte

// MarshalJSON returns the text itself.
func (j rawJSON) MarshalJSON() ([]byte, error) { return j, nil }

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
