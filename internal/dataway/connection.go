package dataway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// connection holds the HTTP transport of a backend and replaces it when a file
// of its TLS configuration changed. Requests under way finish on the transport
// they began with.
type connection struct {
	proxy *url.URL
	tls   TLS

	mu            sync.Mutex
	ca, cert, key watched
	current       *generation
	closed        bool
}

// generation is a transport made from one state of the TLS files.
type generation struct {
	*http.Transport
	users   int
	retired bool
}

func newConnection(proxy *url.URL, t TLS) *connection {
	return &connection{
		proxy: proxy, tls: t,
		ca: watched{path: t.CAFile}, cert: watched{path: t.CertFile}, key: watched{path: t.KeyFile},
	}
}

// acquire returns the transport for one request; the caller calls release
// when the reply is read. When changed files cannot be used and older ones
// can, it returns the older transport with a warning.
func (c *connection) acquire() (g *generation, warning string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, "", net.ErrClosed
	}
	fresh, err := c.renew()
	switch {
	case err != nil && c.current == nil:
		return nil, "", err
	case err != nil:
		warning = err.Error()
	case fresh != nil:
		c.retire()
		c.current = fresh
	}
	c.current.users++
	return c.current, warning, nil
}

func (c *connection) release(g *generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g.users--
	if g.retired && g.users == 0 {
		g.CloseIdleConnections()
	}
}

// retire closes the current transport as soon as nobody uses it.
func (c *connection) retire() {
	if c.current == nil {
		return
	}
	c.current.retired = true
	c.current.CloseIdleConnections()
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.retire()
}

// renew returns a new transport when a file changed, else nil.
func (c *connection) renew() (*generation, error) {
	stale := c.current == nil
	for _, f := range []*watched{&c.ca, &c.cert, &c.key} {
		if f.path == "" {
			continue
		}
		_, changed, err := f.read()
		if err != nil {
			return nil, err
		}
		stale = stale || changed
	}
	if !stale {
		return nil, nil
	}
	cfg, err := c.config()
	if err != nil {
		// Certificate and key are two files: the second may be on its way.
		c.ca.info, c.cert.info, c.key.info = nil, nil, nil
		return nil, err
	}
	return &generation{Transport: c.transport(cfg)}, nil
}

// config builds the TLS configuration from the content of the files.
func (c *connection) config() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: c.tls.ServerName, InsecureSkipVerify: c.tls.Insecure, MinVersion: tls.VersionTLS12}
	if c.ca.path != "" {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(c.ca.data) {
			return nil, fmt.Errorf("load CA %s: no PEM certificate in it", c.ca.path)
		}
	}
	if c.cert.path != "" {
		pair, err := tls.X509KeyPair(c.cert.data, c.key.data)
		if err != nil {
			return nil, fmt.Errorf("load client certificate %s and key %s: %w", c.cert.path, c.key.path, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func (c *connection) transport(cfg *tls.Config) *http.Transport {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     cfg,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true, // replies are short
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     90 * time.Second,

		ExpectContinueTimeout: time.Second,

		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return &proxyError{resp.StatusCode}
			}
			return nil
		},
	}
	if c.proxy != nil {
		t.Proxy = http.ProxyURL(c.proxy)
	}
	return t
}

// proxyError is a proxy's refusal to connect to the backend.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("proxy answers %d %s to CONNECT", e.status, http.StatusText(e.status))
}
