package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// ErrNotRunning says that no agent answers on the socket.
var ErrNotRunning = errors.New("agent is not running")

// Client speaks to the private API of a running agent. It is safe for
// concurrent use.
type Client struct {
	path string
	http *http.Client
}

// NewClient returns a client of the agent whose socket is at path. Nothing is
// connected before the first call. Close frees idle connections.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Close frees the client's connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// State asks how the agent is.
func (c *Client) State(ctx context.Context) (State, error) {
	var s State
	return s, c.call(ctx, http.MethodGet, "/admin/state", nil, &s)
}

// Ledger asks for the accounts.
func (c *Client) Ledger(ctx context.Context) ([]ledger.Account, error) {
	var accounts []ledger.Account
	return accounts, c.call(ctx, http.MethodGet, "/admin/ledger", nil, &accounts)
}

// Reload makes the agent read its configuration again and returns what has
// changed. An error of the configuration is returned as the agent words it.
func (c *Client) Reload(ctx context.Context) (string, error) {
	var body reloadBody
	return body.Report, c.call(ctx, http.MethodPost, "/admin/reload", nil, &body)
}

// Level asks for the log level.
func (c *Client) Level(ctx context.Context) (string, error) {
	var body levelBody
	err := c.call(ctx, http.MethodGet, "/admin/level", nil, &body)
	return strings.ToLower(body.Level), err
}

// SetLevel changes the log level: debug, info, warn or error.
func (c *Client) SetLevel(ctx context.Context, level string) error {
	body, err := json.Marshal(levelBody{level})
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPut, "/admin/level", body, nil)
}

// Write posts line protocol with nanosecond timestamps, to be stored as it
// is, without global tags.
func (c *Client) Write(ctx context.Context, category point.Category, encoding point.Encoding, payload []byte) error {
	path := "/v1/write/" + category.String() + "?precision=n&ignore_global_host_tags=1&encoding=" + encoding.ContentEncoding()
	return c.call(ctx, http.MethodPost, path, payload, nil)
}

// Tail calls show with what the agent takes in from now on, until ctx ends,
// show returns an error, or the agent stops (io.EOF). The first batch is
// empty and says that watching has begun.
func (c *Client) Tail(ctx context.Context, categories []point.Category, show func(Batch) error) error {
	names := make([]string, len(categories))
	for i, category := range categories {
		names[i] = category.String()
	}
	reply, err := c.do(ctx, http.MethodGet, "/admin/tail?category="+url.QueryEscape(strings.Join(names, ",")), nil)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	stream := newFrameReader(reply.Body)
	for {
		batch, err := stream.next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := show(batch); err != nil {
			return err
		}
	}
}

// call makes a request and decodes the answer into out.
func (c *Client) call(ctx context.Context, method, path string, body []byte, out any) error {
	reply, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, reply.Body)
		return err
	}
	if err := json.NewDecoder(reply.Body).Decode(out); err != nil {
		return fmt.Errorf("read answer of the agent: %w", err)
	}
	return nil
}

// ReplyError is an answer of the agent other than 200.
type ReplyError struct {
	Status     int
	Code       string // "datakit.queueFull"
	Message    string
	RetryAfter string // in seconds; "" when the agent does not say
}

func (e *ReplyError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("agent answers %d %s", e.Status, e.Code)
	}
	return e.Message
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://datakit"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	reply, err := c.http.Do(r)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w (nobody answers on %s)", ErrNotRunning, c.path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("open %s: %w: only the agent's user may", c.path, fs.ErrPermission)
	case err != nil:
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, fmt.Errorf("ask the agent: %w", err)
	case reply.StatusCode == http.StatusOK:
		return reply, nil
	}
	defer reply.Body.Close()
	var failed errorBody
	text, _ := io.ReadAll(io.LimitReader(reply.Body, maxErrorBody))
	if json.Unmarshal(text, &failed) != nil {
		failed.Message = strings.TrimSpace(string(text))
	}
	return nil, &ReplyError{Status: reply.StatusCode, Code: failed.Code, Message: failed.Message, RetryAfter: reply.Header.Get("Retry-After")}
}
