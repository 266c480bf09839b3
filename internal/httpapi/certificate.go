package httpapi

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateAge is how long a loaded certificate is used before its files
// are looked at again.
const certificateAge = 10 * time.Second

// certificate is a key pair that follows its files. While the files cannot be
// read the last good pair stays in use.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	version [2]fileVersion
	checked time.Time
}

// fileVersion tells whether a file has changed.
type fileVersion struct {
	modified time.Time
	size     int64
}

func loadCertificate(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now, log: log}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// get is for [tls.Config.GetCertificate].
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.checked) >= certificateAge {
		if err := c.load(); err != nil {
			c.log.Warn("keep the certificate loaded before", "error", err)
		}
	}
	return c.pair, nil
}

// load reads the pair if the files have changed. The caller holds mu.
func (c *certificate) load() error {
	c.checked = c.now()
	version, err := c.versions()
	if err == nil && c.pair != nil && version == c.version {
		return nil
	}
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("load certificate: %w", err)
	}
	c.pair, c.version = &pair, version
	return nil
}

func (c *certificate) versions() (v [2]fileVersion, err error) {
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return v, fmt.Errorf("load certificate: %w", err)
		}
		v[i] = fileVersion{modified: info.ModTime(), size: info.Size()}
	}
	return v, nil
}
