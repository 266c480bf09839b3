package dataway

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestProxies(t *testing.T) {
	ca := newAuthority(t, "ca")
	caFile := filepath.Join(t.TempDir(), "ca")
	write(t, caFile, ca.pem)
	var arrived atomic.Int32
	plain := serve(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	secure := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.server(t, "backend.example")}})

	forward := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic bWU6aHVzaA==" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method == http.MethodConnect {
			tunnel(w, secure.Listener.Addr().String())
			return
		}
		r.RequestURI, r.URL.Host = "", plain.Listener.Addr().String()
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
	})
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	socks := listen(t, func(c net.Conn) { serveSOCKS(c, plain.Listener.Addr().String()) })
	with := func(user string) string { return strings.Replace(forward.URL, "//", "//"+user+"@", 1) }

	tests := []struct {
		name, url, proxy string
		want             Verdict
		plain            int32 // requests that reach the plain backend
	}{
		{"http", "http://backend.example", with("me:hush"), Done, 1},
		{"http, wrong password", "http://backend.example", with("me:no"), Slow, 0},
		{"https through CONNECT", "https://backend.example", with("me:hush"), Done, 0},
		{"https through CONNECT, wrong password", "https://backend.example", with("me:no"), Slow, 0},
		{"socks5", "http://backend.example", "socks5://" + socks, Done, 1},
		{"proxy that is down", "http://backend.example", "http://127.0.0.1:1", Retry, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			arrived.Store(0)
			c := client(t, Target{Kind: Influx1, URL: tt.url, Proxy: tt.proxy, TLS: TLS{CAFile: caFile}})
			reply, err := postOne(t, c)
			if reply.Verdict != tt.want || (err == nil) != (tt.want == Done) {
				t.Errorf("got %v, %v; want %v", reply.Verdict, err, tt.want)
			}
			if got := arrived.Load(); got != tt.plain {
				t.Errorf("%d requests reached the backend, want %d", got, tt.plain)
			}
		})
	}
}

func TestProxyOfEnvironmentIsNotAsked(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "")
	g := newConnection(nil, TLS{}).transport(&tls.Config{})
	if g.Proxy != nil {
		t.Error("the transport has a proxy that nobody configured")
	}
}

// tunnel answers CONNECT by joining the connection with one to addr.
func tunnel(w http.ResponseWriter, addr string) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	join(c, addr)
}

// serveSOCKS speaks as much of RFC 1928 as one CONNECT without authentication
// needs and joins the connection with one to addr.
func serveSOCKS(c net.Conn, addr string) {
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil || head[0] != 5 {
		return
	}
	_, _ = io.ReadFull(c, make([]byte, head[1]))
	_, _ = c.Write([]byte{5, 0})
	var req [5]byte
	if _, err := io.ReadFull(c, req[:]); err != nil || req[3] != 3 { // a domain name: the proxy resolves it
		return
	}
	_, _ = io.ReadFull(c, make([]byte, int(req[4])+2))
	_, _ = c.Write(binary.BigEndian.AppendUint16([]byte{5, 0, 0, 1, 127, 0, 0, 1}, 1))
	join(c, addr)
}

// join copies between c and a new connection to addr until either ends.
func join(c net.Conn, addr string) {
	backend, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Fprintln(c, err)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(backend, c); _ = backend.Close() })
	_, _ = io.Copy(c, backend)
	_ = c.Close()
	both.Wait()
}
