package dataway

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"datakit.dev/agent/internal/point"
)

// tlsServer is an HTTPS server whose TLS configuration can be replaced and
// that remembers the name in the client's certificate.
type tlsServer struct {
	*httptest.Server
	mu     sync.Mutex
	config *tls.Config
	client string
}

func serveTLS(t *testing.T, config *tls.Config) *tlsServer {
	t.Helper()
	s := &tlsServer{config: config}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.client = ""
		if len(r.TLS.PeerCertificates) > 0 {
			s.client = r.TLS.PeerCertificates[0].Subject.CommonName
		}
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is tested
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.config, nil
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *tlsServer) set(config *tls.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = config
}

func postOne(t *testing.T, c *Client) (Reply, error) {
	t.Helper()
	return c.Post(t.Context(), point.Network, point.Identity, 1, [][]byte{[]byte("m f=1 1\n")})
}

func TestTLS(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write(t, file("ca"), ca.pem)
	write(t, file("other"), other.pem)
	write(t, file("junk"), []byte("junk"))
	cert, key := ca.leaf(t, "agent", "")
	write(t, file("cert"), cert)
	write(t, file("key"), key)
	strangeCert, strangeKey := other.leaf(t, "stranger", "")
	write(t, file("strange cert"), strangeCert)
	write(t, file("strange key"), strangeKey)

	plain := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.server(t, "")}})
	named := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.server(t, "backend.example")}})
	mutual := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.server(t, "")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool()})

	// In TLS 1.3 the server refuses a client certificate after the handshake,
	// so that the client may see the alert or just a closed connection.
	tests := []struct {
		name   string
		server *tlsServer
		tls    TLS
		want   Verdict
		err    string
	}{
		{"own CA", plain, TLS{CAFile: file("ca")}, Done, ""},
		{"unknown CA", plain, TLS{}, Slow, "certificate signed by unknown authority"},
		{"wrong CA", plain, TLS{CAFile: file("other")}, Slow, "certificate signed by unknown authority"},
		{"insecure", plain, TLS{Insecure: true}, Done, ""},
		{"no CA file", plain, TLS{CAFile: file("absent")}, Slow, "no such file"},
		{"CA file without a certificate", plain, TLS{CAFile: file("junk")}, Slow, "no PEM certificate"},
		{"wrong name", named, TLS{CAFile: file("ca")}, Slow, "127.0.0.1"},
		{"server name", named, TLS{CAFile: file("ca"), ServerName: "backend.example"}, Done, ""},
		{"client certificate", mutual, TLS{CAFile: file("ca"), CertFile: file("cert"), KeyFile: file("key")}, Done, ""},
		{"no client certificate", mutual, TLS{CAFile: file("ca")}, Retry, "post to backend"},
		{"strange client certificate", mutual, TLS{CAFile: file("ca"), CertFile: file("strange cert"), KeyFile: file("strange key")}, Retry, "post to backend"},
		{"key of another certificate", mutual, TLS{CAFile: file("ca"), CertFile: file("cert"), KeyFile: file("strange key")}, Slow, "private key does not match"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reply, err := postOne(t, client(t, Target{Kind: Influx1, URL: tt.server.URL, TLS: tt.tls}))
			if reply.Verdict != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, %v; want %v, %q", reply.Verdict, err, tt.want, tt.err)
			}
		})
	}
}

// Certificates are rotated under a running client; nothing is restarted.
func TestTLSFilesAreReadAgain(t *testing.T) {
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	dir := t.TempDir()
	caFile, certFile, keyFile := filepath.Join(dir, "ca"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	install := func(a *authority, name string) {
		cert, key := a.leaf(t, name, "")
		write(t, caFile, a.pem)
		write(t, certFile, cert)
		write(t, keyFile, key)
	}
	config := func(a *authority) *tls.Config {
		return &tls.Config{
			Certificates: []tls.Certificate{a.server(t, "")}, ClientCAs: a.pool(),
			ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2", "http/1.1"},
		}
	}
	s := serveTLS(t, config(first))
	c := client(t, Target{Kind: Influx1, URL: s.URL, TLS: TLS{CAFile: caFile, CertFile: certFile, KeyFile: keyFile}})
	expect := func(step string, verdict Verdict, name, warning string) {
		t.Helper()
		s.client = ""
		reply, err := postOne(t, c)
		if reply.Verdict != verdict || s.client != name || (reply.Warning == "") != (warning == "") || !strings.Contains(reply.Warning, warning) {
			t.Fatalf("%s: %+v (%v) as %q, want %v as %q with warning %q", step, reply, err, s.client, verdict, name, warning)
		}
	}

	expect("before the files are there", Slow, "", "")
	install(first, "agent-1")
	expect("first certificates", Done, "agent-1", "")
	install(first, "agent-2")
	expect("client certificate rotated, connection still open", Done, "agent-2", "")
	s.set(config(second))
	write(t, caFile, append([]byte("# the same, written anew\n"), first.pem...)) // a new connection
	expect("server changed its authority", Slow, "", "")
	install(second, "agent-3")
	expect("both changed", Done, "agent-3", "")
	cert, key := second.leaf(t, "agent-4", "")
	write(t, certFile, cert)
	expect("certificate without its key goes on with the old pair", Done, "agent-3", "does not match")
	expect("as long as it takes", Done, "agent-3", "does not match")
	write(t, keyFile, key)
	expect("key arrives", Done, "agent-4", "")
}

func TestRetiredTransportServesItsRequest(t *testing.T) {
	ca := newAuthority(t, "ca")
	caFile := filepath.Join(t.TempDir(), "ca")
	write(t, caFile, ca.pem)
	c := newConnection(nil, TLS{CAFile: caFile})
	old, _, err := c.acquire()
	if err != nil {
		t.Fatal(err)
	}
	write(t, caFile, append([]byte("# rotated\n"), ca.pem...))
	fresh, _, err := c.acquire()
	if err != nil {
		t.Fatal(err)
	}
	if old == fresh || !old.retired || fresh.retired {
		t.Errorf("old retired %v, fresh retired %v", old.retired, fresh.retired)
	}
	c.release(old)
	c.release(fresh)
	c.close()
	c.close()
	if _, _, err := c.acquire(); err == nil {
		t.Error("a closed connection hands out a transport")
	}
}
