package dataway

import (
	"net/http"
	"regexp"
	"testing"

	"datakit.dev/agent/internal/point"
)

func TestRequest(t *testing.T) {
	common := map[string]string{"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip", "User-Agent": "datakit-linux-amd64/1.0/h1"}
	with := func(extra map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range []map[string]string{common, extra} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	dataway := map[string]string{"Content-Type": "application/line-protocol", "X-Points": "3", "Referer": "DataKit"}
	tests := []struct {
		name   string
		target Target
		path   string // after scheme and host; the URL of the target is relative to the test server
		uri    string
		header map[string]string
	}{
		{"dataway drops the path and keeps all arguments in order", Target{Kind: Dataway}, "/some/path?token=tkn_1&x=%20y&a=b",
			"/v1/write/network?token=tkn_1&x=%20y&a=b", with(dataway)},
		{"dataway with token beside the URL", Target{Kind: Dataway, Token: "tkn_2"}, "", "/v1/write/network?token=tkn_2", with(dataway)},
		{"token of the URL wins", Target{Kind: Dataway, Token: "tkn_2"}, "?token=tkn_1", "/v1/write/network?token=tkn_1", with(dataway)},
		{"influx1", Target{Kind: Influx1, DB: "my db", RP: "week"}, "", "/write?db=my+db&rp=week&precision=ns", with(nil)},
		{"influx1 below a path", Target{Kind: Influx1}, "/influx/", "/influx/write?precision=ns", with(nil)},
		{"influx1 with the whole path", Target{Kind: Influx1}, "/insert/0/influx/write?db=x&precision=n", "/insert/0/influx/write?db=x&precision=n", with(nil)},
		{"influx1 user", Target{Kind: Influx1, Username: "u", Password: "p"}, "", "/write?precision=ns", with(map[string]string{"Authorization": "Basic dTpw"})},
		{"influx1 bearer", Target{Kind: Influx1, Token: "jwt"}, "", "/write?precision=ns", with(map[string]string{"Authorization": "Bearer jwt"})},
		{"influx2", Target{Kind: Influx2, Org: "o", Bucket: "b/1", Token: "tok"}, "", "/api/v2/write?org=o&bucket=b%2F1&precision=ns",
			with(map[string]string{"Authorization": "Token tok"})},
		{"influx2 with the whole URL", Target{Kind: Influx2}, "/api/v2/write?orgID=1&bucket=b", "/api/v2/write?orgID=1&bucket=b&precision=ns", with(nil)},
		{"own headers", Target{Kind: Influx1, Headers: map[string]string{"X-Scope-OrgID": "7"}}, "", "/write?precision=ns", with(map[string]string{"X-Scope-OrgID": "7"})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got *http.Request
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r })
			tt.target.URL = s.URL + tt.path
			tt.target.Agent = "datakit-linux-amd64/1.0/h1"
			parts := [][]byte{gzipped(t, "m f=1 1\n"), gzipped(t, "m f=2 2\nm f=3 3\n")}
			if _, err := client(t, tt.target).Post(t.Context(), point.Network, point.Gzip, 3, parts); err != nil {
				t.Fatal(err)
			}
			if got.Method != http.MethodPost || got.RequestURI != tt.uri {
				t.Errorf("got  %s %s\nwant POST %s", got.Method, got.RequestURI, tt.uri)
			}
			if got.ContentLength != int64(len(parts[0])+len(parts[1])) {
				t.Errorf("Content-Length %d", got.ContentLength)
			}
			if id := got.Header.Get("X-Pkg-Id"); (tt.target.Kind == Dataway) != regexp.MustCompile(`^dk_[0-9a-v]{20}$`).MatchString(id) {
				t.Errorf("X-Pkg-Id %q", id)
			}
			got.Header.Del("X-Pkg-Id")
			got.Header.Del("Content-Length")
			for k := range got.Header {
				if got.Header.Get(k) != tt.header[http.CanonicalHeaderKey(k)] && k != "X-Scope-Orgid" {
					t.Errorf("%s: %q, want %q", k, got.Header.Get(k), tt.header[k])
				}
			}
			for k, v := range tt.header {
				if got.Header.Get(k) != v {
					t.Errorf("%s: %q, want %q", k, got.Header.Get(k), v)
				}
			}
		})
	}
}

func TestUserInfoOfURL(t *testing.T) {
	var user, password, uri string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ = r.BasicAuth()
		uri = r.RequestURI
	})
	c := client(t, Target{Kind: Influx1, URL: "http://me:hush@" + s.Listener.Addr().String()})
	if _, err := c.Post(t.Context(), point.Metric, point.Identity, 1, [][]byte{[]byte("m f=1 1\n")}); err != nil {
		t.Fatal(err)
	}
	if user != "me" || password != "hush" || uri != "/write?precision=ns" {
		t.Errorf("%q %q %q", user, password, uri)
	}
}

func TestPackageID(t *testing.T) {
	whole := packageID([][]byte{[]byte("abcdef")})
	if cut := packageID([][]byte{[]byte("abc"), []byte("def")}); cut != whole {
		t.Errorf("the id depends on how the body is cut: %s, %s", whole, cut)
	}
	if other := packageID([][]byte{[]byte("abcdeg")}); other == whole {
		t.Error("different bodies have one id")
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		target Target
		want   string
	}{
		{"no kind", Target{URL: "http://h"}, `configure backend "b": kind: "" is not one of dataway, influx1, influx2, file`},
		{"no URL", Target{Kind: Influx1}, `configure backend "b": url: scheme "" is not one of http, https`},
		{"no host", Target{Kind: Influx1, URL: "http:///x"}, `configure backend "b": url: host is missing`},
		{"URL that does not parse", Target{Kind: Influx1, URL: "http://u:hush@h:port/"}, `configure backend "b": url: invalid port ":port" after host`},
		{"influx2 without bucket", Target{Kind: Influx2, URL: "http://h", Org: "o"}, `configure backend "b": kind influx2 needs bucket and org (any value, where the backend ignores them)`},
		{"proxy scheme", Target{Kind: Influx1, URL: "http://h", Proxy: "ftp://u:hush@p"}, `configure backend "b": proxy: scheme "ftp" is not one of http, https, socks5, socks5h`},
		{"half a certificate", Target{Kind: Influx1, URL: "https://h", TLS: TLS{CertFile: "c"}}, `configure backend "b": tls: a client certificate needs both cert and key`},
		{"negative timeout", Target{Kind: Influx1, URL: "https://h", Timeout: -1}, `configure backend "b": timeout: -1ns is negative`},
		{"store without folder", Target{Kind: File}, `configure backend "b": dir: a store needs a folder`},
		{"store of negative size", Target{Kind: File, Dir: "d", MaxBytes: -1}, `configure backend "b": max_bytes: -1 is negative`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.target.Name = "b"
			if _, err := New(tt.target); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestUserAgent(t *testing.T) {
	if got := UserAgent("1.2.3", "web-1"); !regexp.MustCompile(`^datakit-[a-z]+-[a-z0-9]+/1\.2\.3/web-1$`).MatchString(got) {
		t.Error(got)
	}
}
