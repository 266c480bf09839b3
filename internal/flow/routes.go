package flow

import (
	"fmt"
	"strings"
)

// Routes fold the paths of one route to its pattern, so that /users/7 and
// /users/8 are one flow. A nil Routes folds nothing. It does not change once
// made.
type Routes struct{ root *route }

// route is a node of the tree of patterns, one level per segment.
type route struct {
	pattern string            // of the route that ends here, "" for none
	rest    string            // of the route that ends in /* here, "" for none
	segment map[string]*route // by the text of the next segment
	any     *route            // for a next segment {…}
}

// ParseRoutes makes Routes of patterns such as /users/{id} and /static/*. A
// segment {name} stands for any one segment that is not empty, a last segment
// * for whatever follows. Everything else stands for itself. Of several that
// match a path, the one with text where the others have {name}, and with
// {name} where the others have *, wins: their order does not matter.
func ParseRoutes(patterns []string) (*Routes, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	r := &Routes{root: new(route)}
	for _, p := range patterns {
		if err := r.add(p); err != nil {
			return nil, fmt.Errorf("route %q: %w", p, err)
		}
	}
	return r, nil
}

func (r *Routes) add(pattern string) error {
	rest, ok := strings.CutPrefix(pattern, "/")
	if !ok {
		return fmt.Errorf("want a path that begins with /")
	}
	at := r.root
	for more := true; more; {
		var s string
		s, rest, more = strings.Cut(rest, "/")
		switch {
		case s == "*" && !more:
			return end(&at.rest, pattern)
		case isParameter(s):
			if at.any == nil {
				at.any = new(route)
			}
			at = at.any
		case strings.ContainsAny(s, "{}*?#"):
			return fmt.Errorf("segment %q: want plain text, {name}, or * at the end", s)
		default:
			if at.segment == nil {
				at.segment = map[string]*route{}
			}
			if at.segment[s] == nil {
				at.segment[s] = new(route)
			}
			at = at.segment[s]
		}
	}
	return end(&at.pattern, pattern)
}

func isParameter(segment string) bool {
	return len(segment) > 2 && segment[0] == '{' && segment[len(segment)-1] == '}' &&
		!strings.ContainsAny(segment[1:len(segment)-1], "{}*?#")
}

// end lets a pattern end at a node where none has so far.
func end(at *string, pattern string) error {
	if *at != "" {
		return fmt.Errorf("matches the same paths as %q", *at)
	}
	*at = pattern
	return nil
}

// Fold returns the pattern of the route a path belongs to, the path itself
// when there is none. It allocates nothing.
func (r *Routes) Fold(path string) string {
	if r == nil || path == "" || path[0] != '/' {
		return path
	}
	if pattern := r.root.match(path[1:]); pattern != "" {
		return pattern
	}
	return path
}

// match looks for the rest of a path below a node. A node is reached by one
// sequence of segments only, so no node is visited twice.
func (r *route) match(path string) string {
	s, rest, more := strings.Cut(path, "/")
	if next := r.segment[s]; next != nil {
		if p := next.continued(rest, more); p != "" {
			return p
		}
	}
	if r.any != nil && s != "" {
		if p := r.any.continued(rest, more); p != "" {
			return p
		}
	}
	return r.rest
}

func (r *route) continued(rest string, more bool) string {
	if more {
		return r.match(rest)
	}
	return r.pattern
}
