package httpapi

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// start runs a server until the test ends and returns what stops it earlier.
func start(t *testing.T, cfg Config) (*Server, func()) {
	t.Helper()
	s, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return s, stop
}

// bound waits until the server listens at the configured address.
func bound(t *testing.T, s *Server, configured string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if addr := s.addr(configured); addr != nil {
			return addr.String()
		}
	}
	t.Fatalf("does not listen on %s", configured)
	return ""
}

// unixClient speaks HTTP over a unix socket.
func unixClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

func TestServerSockets(t *testing.T) {
	cfg := testConfig(&recorder{})
	cfg.Listen, cfg.Socket = "127.0.0.1:0", filepath.Join(t.TempDir(), "api.sock")
	s, stop := start(t, cfg)
	bound(t, s, cfg.Socket)
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for client, url := range map[*http.Client]string{plain: "http://" + bound(t, s, cfg.Listen), unixClient(cfg.Socket): "http://datakit"} {
		reply, err := client.Get(url + "/metrics") // not public: both are local
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		if reply.StatusCode != 200 {
			t.Errorf("%s: status %d", url, reply.StatusCode)
		}
	}
	info, err := os.Stat(cfg.Socket)
	if err != nil || info.Mode().Perm() != 0o722 {
		t.Errorf("mode of the socket = %v, %v", info.Mode(), err)
	}
	stop()
	if _, err := os.Lstat(cfg.Socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("socket after stop: %v", err)
	}
}

// A busy address is not fatal: the server waits for it.
func TestServerWaitsForBusyPort(t *testing.T) {
	blocker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(&recorder{})
	cfg.Listen, cfg.Socket = blocker.Addr().String(), filepath.Join(t.TempDir(), "api.sock")
	s, _ := start(t, cfg)
	bound(t, s, cfg.Socket) // the other address is served meanwhile
	if s.addr(cfg.Listen) != nil {
		t.Fatal("listens on a busy port")
	}
	blocker.Close()
	bound(t, s, cfg.Listen)
}

// A request under way is answered when the server stops.
func TestServerDrains(t *testing.T) {
	w := &recorder{block: make(chan struct{})}
	cfg := testConfig(w)
	cfg.Listen = "127.0.0.1:0"
	s, stop := start(t, cfg)
	conn, err := net.Dial("tcp", bound(t, s, cfg.Listen))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /v1/write/metric HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n")
	replies := bufio.NewReader(conn)
	if line, err := replies.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatal(line, err) // now the handler reads the body
	}
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	fmt.Fprint(conn, "m f=1 1")
	close(w.block)
	if _, err := replies.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if line, err := replies.ReadString('\n'); err != nil || !strings.Contains(line, "200 OK") {
		t.Errorf("answer = %q, %v", line, err)
	}
	<-stopped
	if len(w.all()) != 1 {
		t.Error("the point was not stored")
	}
}

// A client that sends its body too slowly is cut off.
func TestServerSlowClient(t *testing.T) {
	cfg := testConfig(&recorder{})
	cfg.Listen, cfg.Timeout = "127.0.0.1:0", 100*time.Millisecond
	s, _ := start(t, cfg)
	conn, err := net.Dial("tcp", bound(t, s, cfg.Listen))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /v1/write/metric HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nm f=")
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if got := text(t, reply); reply.StatusCode != 408 || got != "timeout(100ms)" {
		t.Errorf("%d %s", reply.StatusCode, got)
	}
}

func TestServerTLSFollowsItsFiles(t *testing.T) {
	var clock atomic.Int64
	cfg := testConfig(&recorder{})
	cfg.Now = func() time.Time { return testTime.Add(time.Duration(clock.Load())) }
	dir := t.TempDir()
	cfg.Listen, cfg.CertFile, cfg.KeyFile = "127.0.0.1:0", filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	writeCertificate(t, cfg, 1)
	s, _ := start(t, cfg)
	addr := bound(t, s, cfg.Listen)
	want := func(what string, serial int64) {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		defer conn.Close()
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != serial {
			t.Errorf("%s: certificate %d, want %d", what, got, serial)
		}
	}
	want("first", 1)
	writeCertificate(t, cfg, 2)
	want("changed a moment ago", 1)
	clock.Add(int64(certificateAge))
	want("changed", 2)
	if err := os.WriteFile(cfg.CertFile, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock.Add(int64(certificateAge))
	want("damaged", 2)
	os.Remove(cfg.CertFile)
	clock.Add(int64(certificateAge))
	want("missing", 2)
	writeCertificate(t, cfg, 3)
	clock.Add(int64(certificateAge))
	want("repaired", 3)

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	reply, err := client.Get("https://" + addr + "/v1/ping")
	if err != nil || reply.StatusCode != 200 {
		t.Fatal(reply, err)
	}
	reply.Body.Close()
}

// writeCertificate writes a self-signed pair with the serial number.
func writeCertificate(t *testing.T, cfg Config, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cfg.CertFile: {Type: "CERTIFICATE", Bytes: der}, cfg.KeyFile: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	l, err := listenUnix(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	if _, err := listenUnix(path, 0o600); !errors.Is(err, ErrSocketInUse) {
		t.Errorf("a live socket: %v, want ErrSocketInUse", err)
	}
	// What kill -9 leaves behind: a socket file nobody listens on.
	l.(*unixListener).Listener.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal("the test has no stale socket")
	}
	second, err := listenUnix(path, 0o600)
	if err != nil {
		t.Fatalf("a stale socket: %v", err)
	}
	second.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("socket after close: %v", err)
	}
	third, err := listenUnix(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	second.Close() // idempotent: the name belongs to another by now
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket of the next owner was removed: %v", err)
	}
	third.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(path, 0o600); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("a file: %v", err)
	}
}
