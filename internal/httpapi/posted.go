package httpapi

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	"datakit.dev/agent/internal/point"
)

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
