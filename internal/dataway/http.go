package dataway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"datakit.dev/agent/internal/point"
)

const (
	// maxReply is how much of a reply is read, so that the connection can be
	// used again and an endless reply cannot fill the memory.
	maxReply = 64 << 10
	// maxSample is how much of it is kept for people to read.
	maxSample = 1 << 10
)

// httpPoster speaks the HTTP kinds.
type httpPoster struct {
	target          *Target
	base            *url.URL   // without user info
	secrets         sync.Mutex // guards token and password
	token, password secret
	plain           []string // what may be secret in the URLs and headers of the configuration
	conn            *connection
}

func newHTTPPoster(t *Target) (*httpPoster, error) {
	base, err := t.endpoint()
	if err != nil {
		return nil, err
	}
	h := &httpPoster{
		target: t, base: base,
		token:    newSecret(t.Token, t.TokenFile),
		password: newSecret(t.Password, t.PasswordFile),
	}
	if base.User != nil {
		if t.Username == "" {
			t.Username = base.User.Username()
			if p, ok := base.User.Password(); ok && t.PasswordFile == "" {
				h.password.text = p
			}
		}
		base.User = nil
	}
	for key, values := range base.Query() {
		switch key {
		case "db", "rp", "org", "orgID", "bucket", "precision", "consistency":
		default:
			h.plain = append(h.plain, values...)
		}
	}
	h.plain = slices.AppendSeq(h.plain, maps.Values(t.Headers))
	var proxy *url.URL
	if t.Proxy != "" {
		if proxy, err = parseURL(t.Proxy, "http", "https", "socks5", "socks5h"); err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		if p, ok := proxy.User.Password(); ok {
			h.plain = append(h.plain, p)
		}
	}
	if t.Timeout == 0 {
		t.Timeout = DefaultTimeout
	}
	h.conn = newConnection(proxy, t.TLS)
	return h, nil
}

func (h *httpPoster) close() error {
	h.conn.close()
	return nil
}

func (h *httpPoster) post(ctx context.Context, c point.Category, e point.Encoding, points int, parts [][]byte) (Reply, error) {
	creds, warnings := h.credentials()
	hide := newRedactor(append(creds.secrets(), h.plain...)...)

	g, warning, err := h.conn.acquire()
	if err != nil {
		return Reply{Verdict: Slow}, err
	}
	defer h.conn.release(g)
	if warning != "" {
		warnings = append(warnings, warning)
	}

	ctx, cancel := context.WithTimeoutCause(ctx, h.target.Timeout, fmt.Errorf("no reply within %v: %w", h.target.Timeout, context.DeadlineExceeded))
	defer cancel()
	content := &body{parts: parts}
	defer content.release()
	reply, err := h.roundTrip(ctx, g, h.request(ctx, creds, c, e, points, content), hide)
	reply.Warning = strings.Join(warnings, "; ")
	if err != nil {
		err = hide.error(err)
	}
	return reply, err
}

// roundTrip sends the request and classifies what comes back. It uses the
// transport directly: redirects are not followed, and the URL with its token
// is not part of any error.
func (h *httpPoster) roundTrip(ctx context.Context, rt http.RoundTripper, req *http.Request, hide redactor) (Reply, error) {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Reply{Verdict: verdictOf(err)}, err
	}
	defer resp.Body.Close()
	// The status has the last word: a 2xx whose body breaks off is delivered.
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	reply := Reply{
		Verdict: classify(h.target.Kind, resp.StatusCode, string(text)),
		Status:  resp.StatusCode,
		Sample:  sample(hide.text(string(text))), // hidden before it is cut: half a secret is one too
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		reply.Date = date
	}
	if reply.Verdict == Done {
		return reply, nil
	}
	switch reply.Verdict {
	case Retry:
		reply.After = retryAfter(resp.Header, time.Now())
	case Bad:
		reply.Rejected = rejected(string(text))
	}
	return reply, statusError(resp, reply.Sample)
}

// sample makes the start of a reply fit for people.
func sample(text string) string {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
	if len(text) > maxSample {
		text = strings.ToValidUTF8(text[:maxSample], "")
	}
	return text
}

// statusError describes a reply other than 2xx.
func statusError(resp *http.Response, sample string) error {
	text := fmt.Sprintf("answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if to, err := resp.Location(); err == nil {
		text += fmt.Sprintf(" to %s://%s%s, redirects are not followed", to.Scheme, to.Host, to.Path)
	}
	if sample != "" {
		text += ": " + sample
	}
	return errors.New(text)
}

// verdictOf classifies an attempt that brought no reply. What will not heal
// by itself raises an alarm; the rest is the network's.
func verdictOf(err error) Verdict {
	var proxy *proxyError
	if errors.As(err, &proxy) {
		return classify("", proxy.status, "")
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return Slow
	}
	return Retry
}
