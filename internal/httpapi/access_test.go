package httpapi

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

func TestAccess(t *testing.T) {
	const local, mapped, local6, far, far6, unix = "127.0.0.1:1", "[::ffff:127.0.0.1]:1", "[::1]:1", "10.0.0.1:1", "[fe80::1%eth0]:1", "@"
	open := func(paths ...string) []string { return paths }
	tests := map[string]struct {
		public  []string
		remote  string
		forward string // header that a proxy adds
		path    string
		want    bool
	}{
		"default, far ping":        {nil, far, "", "/v1/ping", true},
		"default, far ntp":         {nil, far, "", "/v1/ntp", true},
		"default, far write":       {nil, far, "", "/v1/write/metric", true},
		"default, far metrics":     {nil, far, "", "/metrics", false},
		"default, far lasterror":   {nil, far, "", "/v1/lasterror", false},
		"default, far unknown":     {nil, far, "", "/x", false},
		"default, far, zone":       {nil, far6, "", "/metrics", false},
		"default, far below write": {nil, far, "", "/v1/write/metric/x", false},
		"default, far no category": {nil, far, "", "/v1/write/", false},
		"default, far write root":  {nil, far, "", "/v1/write", false},
		"loopback":                 {nil, local, "", "/metrics", true},
		"loopback 6":               {nil, local6, "", "/metrics", true},
		"loopback, mapped":         {nil, mapped, "", "/metrics", true},
		"unix socket":              {nil, unix, "", "/metrics", true},
		"unix socket, no address":  {nil, "", "", "/metrics", true},
		"forwarded loopback":       {nil, local, "X-Forwarded-For", "/metrics", false},
		"real ip loopback":         {nil, local, "X-Real-IP", "/metrics", false},
		"forwarded unix":           {nil, unix, "X-Forwarded-For", "/metrics", false},
		"forwarded, public":        {nil, local, "X-Forwarded-For", "/v1/ping", true},
		"list replaces default":    {open("/v1/ping"), far, "", "/v1/write/metric", false},
		"list, own path":           {open("/v1/ping"), far, "", "/v1/ping", true},
		"list, one category":       {open("/v1/write/rum"), far, "", "/v1/write/rum", true},
		"list, other category":     {open("/v1/write/rum"), far, "", "/v1/write/metric", false},
		"list, wildcard":           {open("/v1/write/*"), far, "", "/v1/write/metric", true},
		"list, loopback anyway":    {open("/v1/ping"), local, "", "/metrics", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(&recorder{})
			cfg.PublicAPIs = test.public
			r := httptest.NewRequest("GET", test.path, nil)
			r.RemoteAddr = test.remote
			if test.forward != "" {
				r.Header.Set(test.forward, "127.0.0.1")
			}
			reply := do(newTestAPI(t, cfg), r)
			if got := reply.StatusCode != 403; got != test.want {
				t.Errorf("answered with %d", reply.StatusCode)
			}
			if body := text(t, reply); !test.want && body != fmt.Sprintf(`{"error_code":"datakit.publicAccessDisabled","message":"%s is answered to this host only, see public_apis"}`, test.path) {
				t.Errorf("body = %s", body)
			}
		})
	}
}

func TestRateLimit(t *testing.T) {
	now := testTime
	cfg := testConfig(&recorder{})
	cfg.RateLimit, cfg.RateBurst = 0.5, 3
	cfg.Now = func() time.Time { return now }
	api := newTestAPI(t, cfg)
	ask := func(remote string) (int, string) {
		r := httptest.NewRequest("GET", "/v1/ping", nil)
		r.RemoteAddr = remote
		reply := do(api, r)
		return reply.StatusCode, reply.Header.Get("Retry-After")
	}
	want := func(what, remote string, status int, after string) {
		t.Helper()
		if s, a := ask(remote); s != status || a != after {
			t.Errorf("%s: %d, Retry-After %q; want %d, %q", what, s, a, status, after)
		}
	}
	for i := range 3 {
		want("burst "+strconv.Itoa(i), "10.0.0.1:1", 200, "")
	}
	want("burst used up", "10.0.0.1:2", 429, "2")
	want("another client", "10.0.0.2:1", 200, "")
	for range 10 {
		want("loopback", "127.0.0.1:1", 200, "")
		want("unix socket", "@", 200, "")
	}
	now = now.Add(time.Second)
	want("half a token", "10.0.0.1:1", 429, "1")
	now = now.Add(time.Second)
	want("one token", "10.0.0.1:1", 200, "")
	want("used again", "10.0.0.1:1", 429, "2")
	now = now.Add(-time.Hour)
	want("the clock jumps back", "10.0.0.1:1", 429, "2")
	for i := range 3 {
		want("one host of IPv6", fmt.Sprintf("[2001:db8::%d]:1", i), 200, "")
	}
	want("its fourth address", "[2001:db8::9]:1", 429, "2")
	want("its neighbour", "[2001:db8:0:1::9]:1", 200, "")
}

// The table of clients does not grow without bound, and forgets.
func TestRateLimitTable(t *testing.T) {
	now := testTime
	l := newRateLimit(1, 1, time.Minute, func() time.Time { return now })
	base := netip.MustParseAddr("10.0.0.0")
	for range maxClients + 1 { // the last one takes the only token of all others
		l.take(base)
		base = base.Next()
	}
	if _, ok := l.take(base); ok {
		t.Error("a newcomer found room in a full table")
	}
	if len(l.clients) != maxClients {
		t.Errorf("%d clients", len(l.clients))
	}
	now = now.Add(time.Minute)
	if _, ok := l.take(base); !ok || len(l.clients) != 1 {
		t.Errorf("after the time to live: allowed %v, %d clients", ok, len(l.clients))
	}
}
