package dataway

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"datakit.dev/agent/internal/point"
)

// expectContinue is the size from which a request first asks whether the body
// is welcome: a server that refuses it (413, 401) would otherwise reset the
// connection while the body is being sent, and its reply would be lost.
const expectContinue = 64 << 10

// request builds the request. It cannot fail: the URL is parsed.
func (h *httpPoster) request(ctx context.Context, creds credentials, c point.Category, e point.Encoding, points int, content *body) *http.Request {
	length := size(content.parts)
	req := (&http.Request{
		Method: http.MethodPost, URL: h.url(c, creds.token), Host: h.base.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: length,
	}).WithContext(ctx)
	if length > 0 {
		// GetBody lets the transport start over when an idle connection
		// turns out to be closed by the server.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(content.reader()), nil }
		req.Body, _ = req.GetBody()
	} else {
		req.Body = http.NoBody
	}
	set := req.Header.Set
	if h.target.Agent != "" {
		set("User-Agent", h.target.Agent)
	}
	if enc := e.ContentEncoding(); enc != "" {
		set("Content-Encoding", enc)
	}
	if length >= expectContinue {
		set("Expect", "100-continue")
	}
	set("Content-Type", "text/plain; charset=utf-8")
	if h.target.Kind == Dataway {
		set("Content-Type", "application/line-protocol")
		set("X-Points", strconv.Itoa(points))
		set("X-Pkg-Id", packageID(content.parts))
		set("Referer", "DataKit")
	}
	creds.authorize(req, h.target.Kind)
	for k, v := range h.target.Headers {
		set(k, v)
	}
	return req
}
