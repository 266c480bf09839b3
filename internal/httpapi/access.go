package httpapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// defaultPublic is what other hosts may call when no list is configured.
var defaultPublic = []string{"/v1/ping", "/v1/ntp", "/v1/write/:category"}

// access decides which requests are answered: local ones always, those of
// other hosts on public paths only.
type access struct {
	exact    map[string]bool
	patterns [][]string // elements of the path; one that begins with ':' or '*' stands for any
}

// newAccess takes the paths of public_apis, such as "/v1/ping" and
// "/v1/write/:category"; an empty list means the default. A list that is not
// empty has to repeat the paths for writing.
func newAccess(public []string) (*access, error) {
	if len(public) == 0 {
		public = defaultPublic
	}
	a := &access{exact: map[string]bool{}}
	for _, path := range public {
		path = strings.TrimSpace(path)
		if !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("public_apis: %q does not begin with '/'", path)
		}
		if strings.Contains(path, "/:") || strings.Contains(path, "/*") {
			a.patterns = append(a.patterns, strings.Split(path, "/"))
			continue
		}
		a.exact[path] = true
	}
	return a, nil
}

// public reports whether clients of other hosts may call path.
func (a *access) public(path string) bool {
	if a.exact[path] {
		return true
	}
	for _, pattern := range a.patterns {
		if match(pattern, path) {
			return true
		}
	}
	return false
}

// match compares element by element, without an allocation.
func match(pattern []string, path string) bool {
	for i, want := range pattern {
		got, rest, more := strings.Cut(path, "/")
		wild := want != "" && (want[0] == ':' || want[0] == '*')
		if got != want && !(wild && got != "") {
			return false
		}
		if i == len(pattern)-1 {
			return !more
		}
		if !more {
			return false
		}
		path = rest
	}
	return false
}

// isLocal reports whether r comes from this host: over loopback, without the
// marks of a proxy, or over a unix socket. The addresses in those marks are
// never believed, for they can only take rights away.
func isLocal(r *http.Request) bool {
	if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("X-Real-Ip") != "" {
		return false
	}
	addr, ok := clientAddr(r)
	return !ok || addr.IsLoopback()
}

// clientAddr is the address of the other end of the connection, with an
// IPv4-mapped one unmapped and without zone; false for a unix socket, whose
// peers have none.
func clientAddr(r *http.Request) (netip.Addr, bool) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	return ap.Addr().Unmap().WithZone(""), true
}
