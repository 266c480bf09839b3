package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"datakit.dev/agent/internal/point"
)

// Kinds of backends.
const (
	KindDataway = "dataway"
	KindInflux1 = "influx1"
	KindInflux2 = "influx2"
	KindFile    = "file"
)

// Dataway is [dataway], the usual backend.
type Dataway struct {
	URLs        []string      `toml:"urls" env:"DATAWAY" help:"\"https://host?token=…\"; every URL gets everything."`
	Timeout     time.Duration `toml:"timeout_v2" env:"DATAWAY_TIMEOUT" help:"For one request."`
	HTTPProxy   string        `toml:"http_proxy" env:"DATAWAY_HTTP_PROXY" example:"http://proxy:3128"`
	TLSInsecure bool          `toml:"tls_insecure" env:"DATAWAY_TLS_INSECURE" help:"Accept any certificate."`
}

// Backend is one [[backends]].
type Backend struct {
	Name       string            `toml:"name" example:"central" help:"In logs and reports; the queue remembers a backend by it. Not set: made from the URL."`
	Kind       string            `toml:"kind" example:"influx2" help:"dataway, influx1 (also VictoriaMetrics), influx2 or file."`
	URL        string            `toml:"url" example:"http://127.0.0.1:8086" help:"For kind \"file\" the path of a folder."`
	Token      string            `toml:"token" example:"<token>"`
	TokenFile  string            `toml:"token_file" example:"/etc/datakit/token" help:"Or a file that holds the token."`
	Username   string            `toml:"username" example:"agent" help:"HTTP basic authentication."`
	Password   string            `toml:"password" example:"<password>"`
	PassFile   string            `toml:"password_file" example:"/etc/datakit/password"`
	DB         string            `toml:"db" example:"telegraf" help:"influx1."`
	RP         string            `toml:"rp" example:"autogen" help:"influx1: retention policy, when it is not the default of the database."`
	Bucket     string            `toml:"bucket" example:"default" help:"influx2, both required; any value where the backend ignores them."`
	Org        string            `toml:"org" example:"main"`
	Categories []string          `toml:"categories" example:"[\"metric\", \"network\"]" help:"Empty: all."`
	Proxy      string            `toml:"proxy" example:"http://proxy:3128"`
	Timeout    time.Duration     `toml:"timeout" example:"30s" help:"For one request."`
	MaxSize    Size              `toml:"max_size" example:"1GiB" help:"Bound of kind \"file\"."`
	Headers    map[string]string `toml:"headers" example:"{ X-Scope-OrgID = \"tenant\" }" help:"Sent with every request."`
	TLS        BackendTLS        `toml:"tls"`
}

// BackendTLS is the table tls of a backend. The files are read again when
// they change.
type BackendTLS struct {
	CA         string `toml:"ca" example:"/etc/datakit/ca.pem" help:"Certificates to trust instead of the system's."`
	Cert       string `toml:"cert" example:"/etc/datakit/client.pem" help:"Client certificate and key."`
	Key        string `toml:"key" example:"/etc/datakit/client.key"`
	ServerName string `toml:"server_name" example:"backend.example" help:"Name to expect in the server's certificate."`
	Insecure   bool   `toml:"insecure" example:"false" help:"Accept any certificate."`
}

func (c *checker) err() error { return errors.Join(c.errs...) }

func (d *Dataway) check(c *checker) {
	c.must(d.Timeout > 0, "dataway.timeout_v2", "has to be positive")
	for _, u := range d.URLs {
		c.must(httpURL(u), "dataway.urls", "%q is not a URL like https://host:port?token=…", redact(u))
	}
	c.must(d.HTTPProxy == "" || proxyURL(d.HTTPProxy), "dataway.http_proxy", "%q is not a URL like http://host:port", d.HTTPProxy)
}

// check validates a backend and gives it its name.
func (b *Backend) check(c *checker, at string, names map[string]bool) {
	c.oneOf(at+".kind", b.Kind, KindDataway, KindInflux1, KindInflux2, KindFile)
	switch {
	case b.URL == "":
		c.must(false, at+".url", "is required")
	case b.Kind != KindFile:
		c.must(httpURL(b.URL), at+".url", "%q is not a URL like http://host:port", redact(b.URL))
	}
	if b.Kind == KindInflux2 {
		q := query(b.URL)
		c.must(b.Bucket != "" || q.Has("bucket"), at+".bucket", "is required with kind %q", KindInflux2)
		c.must(b.Org != "" || q.Has("org") || q.Has("orgID"), at+".org", "is required with kind %q; any value where the backend ignores it", KindInflux2)
	}
	for name := range b.Headers {
		c.must(headerName(name), at+".headers", "%q is not the name of a header", name)
	}
	c.must(b.Token == "" || b.TokenFile == "", at+".token_file", "token and token_file exclude each other")
	c.must(b.Password == "" || b.PassFile == "", at+".password_file", "password and password_file exclude each other")
	c.must(b.Timeout >= 0, at+".timeout", "is negative")
	c.must((b.TLS.Cert == "") == (b.TLS.Key == ""), at+".tls", "cert and key belong together")
	c.must(b.Proxy == "" || proxyURL(b.Proxy), at+".proxy", "%q is not a URL like http://host:port", b.Proxy)
	for _, name := range b.Categories {
		_, err := point.ParseCategory(name)
		c.must(err == nil, at+".categories", "%q is unknown%s", name, suggest(name, categoryNames()))
	}
	if b.Name == "" {
		b.Name = defaultName(b.Kind, b.URL)
	}
	c.must(!names[b.Name], at+".name", "%q is the name of another backend", b.Name)
	names[b.Name] = true
}

// AllBackends lists the URLs of [dataway] and the [[backends]].
func (m *Main) AllBackends() []Backend {
	var all []Backend
	names := map[string]bool{}
	for _, b := range m.Backends {
		names[b.Name] = true
	}
	for _, u := range m.Dataway.URLs {
		name := defaultName(KindDataway, u)
		for n := 2; names[name]; n++ {
			name = fmt.Sprintf("%s-%d", defaultName(KindDataway, u), n)
		}
		names[name] = true
		all = append(all, Backend{
			Name: name, Kind: KindDataway, URL: u, Proxy: m.Dataway.HTTPProxy, Timeout: m.Dataway.Timeout,
			TLS: BackendTLS{Insecure: m.Dataway.TLSInsecure},
		})
	}
	return append(all, slices.Clone(m.Backends)...)
}

func categoryNames() []string {
	var names []string
	for _, c := range point.Categories() {
		names = append(names, c.String())
	}
	return names
}

// defaultName makes "dataway-openway.example-443" of a URL: it is the name of
// a file in the queue, so it depends on nothing that changes, such as a token.
func defaultName(kind, raw string) string {
	name := raw
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		name = u.Host
	}
	return strings.Trim(kind+"-"+strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, name), "-")
}

func httpURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func proxyURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) && u.Host != ""
}

// query is that of a URL, which may say what has keys too.
func query(raw string) url.Values {
	u, err := url.Parse(raw)
	if err != nil {
		return nil
	}
	return u.Query()
}

// headerName reports whether name is a token (RFC 9110 section 5.6.2).
func headerName(name string) bool {
	return name != "" && strings.Trim(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// redact hides the query of a URL, which holds the token.
func redact(raw string) string {
	if before, _, found := strings.Cut(raw, "?"); found {
		return before + "?…"
	}
	return raw
}
