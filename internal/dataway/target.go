package dataway

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kind is the protocol a backend speaks.
type Kind string

// The kinds of backends.
const (
	Dataway Kind = "dataway" // DataKit's gateway
	Influx1 Kind = "influx1" // InfluxDB 1.x, VictoriaMetrics, vmagent, Telegraf, GreptimeDB
	Influx2 Kind = "influx2" // InfluxDB 2.x and what imitates it
	File    Kind = "file"    // a bounded local store
)

// DefaultTimeout bounds one request when a target does not say.
const DefaultTimeout = 30 * time.Second

// Target says where blocks go and how.
type Target struct {
	Name string // names the backend in errors
	Kind Kind

	// URL of the backend. Its query is sent with every request. Of a
	// dataway the path is dropped, of the others it is the base path.
	URL string

	// Token becomes the query argument "token" of a dataway, the header
	// "Authorization: Token …" of influx2, "Authorization: Bearer …" of
	// influx1. TokenFile, when set, is the file to read it from.
	Token, TokenFile string

	// Username and Password are sent by HTTP basic authentication. They may
	// also stand in the URL. PasswordFile is the file to read it from.
	Username, Password, PasswordFile string

	DB, RP      string // influx1: database and retention policy
	Org, Bucket string // influx2

	Headers map[string]string // added to every request
	Agent   string            // User-Agent
	Proxy   string            // http, https or socks5 URL; the environment is not asked
	Timeout time.Duration     // of one request, from dialling to the end of the reply; 0 is DefaultTimeout
	TLS     TLS

	Dir      string // file: folder of the store
	MaxBytes int64  // file: bound of the store
}

// TLS configures HTTPS. All fields are optional.
type TLS struct {
	CAFile     string // PEM; replaces the roots of the system
	CertFile   string // PEM; client certificate
	KeyFile    string // PEM; its key
	ServerName string // expected name, instead of the URL's host
	Insecure   bool   // do not verify the server
}

func (t TLS) validate() error {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New("tls: a client certificate needs both cert and key")
	}
	return nil
}

// endpoint validates the target and returns its URL. Errors name the key and
// what is allowed, never a secret.
func (t *Target) endpoint() (*url.URL, error) {
	u, err := parseURL(t.URL, "http", "https")
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if err := t.TLS.validate(); err != nil {
		return nil, err
	}
	if t.Timeout < 0 {
		return nil, fmt.Errorf("timeout: %v is negative", t.Timeout)
	}
	q := u.Query()
	switch t.Kind {
	case Dataway, Influx1:
	case Influx2:
		if (t.Bucket == "" && !q.Has("bucket")) || (t.Org == "" && !q.Has("org") && !q.Has("orgID")) {
			return nil, errors.New("kind influx2 needs bucket and org (any value, where the backend ignores them)")
		}
	default:
		return nil, fmt.Errorf("kind: %q is not one of dataway, influx1, influx2, file", t.Kind)
	}
	return u, nil
}

// parseURL parses an absolute URL of one of the schemes. Its errors do not
// repeat the URL, which may hold a password.
func parseURL(raw string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(raw)
	var ue *url.Error
	switch {
	case errors.As(err, &ue):
		return nil, ue.Err
	case err != nil:
		return nil, err
	case !slices.Contains(schemes, u.Scheme):
		return nil, fmt.Errorf("scheme %q is not one of %s", u.Scheme, strings.Join(schemes, ", "))
	case u.Host == "":
		return nil, errors.New("host is missing")
	}
	return u, nil
}
