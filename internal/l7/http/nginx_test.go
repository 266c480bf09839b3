package http

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const nginxConf = `
daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log; %[4]s
events { worker_connections 64; }
http {
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	log_format all '$request_method $uri $status $request_length $bytes_sent';
	access_log %[1]s/access.log all;
	sendfile on; gzip on; gzip_min_length 1; keepalive_timeout 1s;
	server {
		listen 127.0.0.1:%[2]d; listen 127.0.0.1:%[3]d http2; root %[1]s;
		location /none { return 204; }
		location /moved { return 302 /none; }
		location /text { default_type text/html; return 200 "text text text text"; }
	}
}`

// startNginx serves HTTP/1.1 and HTTP/2 in clear and returns both addresses.
// Calling stop ends it and returns its log, a line per request.
func startNginx(t *testing.T) (addr [2]string, stop func() []string) {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	dir := t.TempDir()
	var ports [2]int
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i], addr[i] = l.Addr().(*net.TCPAddr).Port, l.Addr().String()
		_ = l.Close()
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	conf := filepath.Join(dir, "nginx.conf")
	for name, data := range map[string]string{conf: fmt.Sprintf(nginxConf, dir, ports[0], ports[1], user), filepath.Join(dir, "big"): strings.Repeat("x", 300_000)} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(nginx, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() (lines []string) {
		once.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGQUIT) // orderly, so that all is in the log
			_ = cmd.Wait()
		})
		log, err := os.ReadFile(filepath.Join(dir, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(log)), "\n")
	}
	t.Cleanup(func() { stop() })
	for range 10_000 {
		conn, err := net.Dial("tcp", addr[1])
		if err == nil {
			_ = conn.Close()
			return addr, stop
		}
	}
	t.Skip("nginx does not listen: is it one with HTTP/2?")
	return addr, stop
}

// relay records the connections that go through it.
type relay struct {
	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	all      []*recording
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l}
	r.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.serve(client, to) })
		}
	})
	return r
}

func (r *relay) serve(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	rec := new(recording)
	r.mu.Lock()
	r.all = append(r.all, rec)
	r.mu.Unlock()
	var wg sync.WaitGroup
	pass := func(from Side, dst, src net.Conn) {
		buf := make([]byte, 16<<10)
		for {
			n, err := src.Read(buf)
			rec.add(from, buf[:n]) // on record before it is sent on
			if _, werr := dst.Write(buf[:n]); err != nil || werr != nil {
				_ = dst.(*net.TCPConn).CloseWrite()
				return
			}
		}
	}
	wg.Go(func() { pass(Local, server, client) })
	wg.Go(func() { pass(Remote, client, server) })
	wg.Wait()
}

// close waits for the connections to end.
func (r *relay) close() []*recording {
	_ = r.listener.Close()
	r.wg.Wait()
	return r.all
}

// TestNginx: curl and Go ask, nginx answers and logs; what is decoded of the bytes
// between them is what the log says, with the bytes of both directions.
func TestNginx(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	addr, stop := startNginx(t)
	paths := []string{"/big", "/none", "/moved", "/text", "/missing", "/big?q=1"}
	var recordings [2][]*recording

	r := newRelay(t, addr[0])
	url := "http://" + r.listener.Addr().String()
	for _, extra := range [][]string{{}, {"-Z"}, {"--head"}, {"-H", "Accept-Encoding: gzip"}, {"-H", "X-Long: " + strings.Repeat("x", 700)}, {"-d", strings.Repeat("y", 2000)}} {
		args := append([]string{"-sS", "--http1.1"}, extra...)
		for j := range 36 {
			args = append(args, "-o", "/dev/null", url+paths[j%6])
		}
		if out, err := exec.Command(curl, args...).CombinedOutput(); err != nil {
			t.Fatalf("curl %s: %v: %.300s", extra, err, out)
		}
	}
	recordings[0] = r.close()

	// Connections of curl (nghttp2), one request each, as curl before version
	// 8 fails at the second one; then one of Go.
	r = newRelay(t, addr[1])
	url = "http://" + r.listener.Addr().String()
	for _, path := range paths {
		if out, err := exec.Command(curl, "-sS", "--http2-prior-knowledge", "-o", "/dev/null", url+path).CombinedOutput(); err != nil {
			t.Skipf("curl without HTTP/2? %v: %.300s", err, out)
		}
	}
	transport := &http.Transport{Protocols: new(http.Protocols), MaxConnsPerHost: 1}
	transport.Protocols.SetUnencryptedHTTP2(true)
	for j := range 258 {
		method, body := []string{"GET", "HEAD", "POST"}[j%3], io.Reader(nil)
		if method == "POST" {
			body = strings.NewReader(strings.Repeat("z", j*10))
		}
		request, err := http.NewRequest(method, url+paths[j/3%6], body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	transport.CloseIdleConnections()
	recordings[1] = r.close()

	want := stop()
	slices.Sort(want)
	rng := rand.New(rand.NewPCG(19, 20))
	for _, tt := range []struct {
		name  string
		alter [2]func([]Segment) []Segment // HTTP/1, HTTP/2
	}{
		{"as relayed", [2]func(s []Segment) []Segment{slices.Clone[[]Segment], slices.Clone[[]Segment]}},
		{"small pieces", [2]func(s []Segment) []Segment{
			func(s []Segment) []Segment { return cut(rng, s, 50) },
			func(s []Segment) []Segment { return cut(rng, s, 50) },
		}},
		{"heads of HTTP/1, packets of HTTP/2", [2]func(s []Segment) []Segment{
			func(s []Segment) []Segment { return capture(rng, packets(s, 1448), 128, 256) },
			func(s []Segment) []Segment { return packets(s, 1448) },
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for version, all := range recordings {
				for _, r := range all {
					for _, e := range decode(Config{}, tt.alter[version](r.segments())) {
						request := e.RequestBytes
						if e.Version == "2" || e.Method == "POST" {
							request = 0 // nginx counts neither frame headers nor a body it drops
						}
						got = append(got, fmt.Sprintf("%s %s %d %d %d", e.Method, e.Path, e.Status, request, e.ResponseBytes))
					}
				}
			}
			slices.Sort(got)
			compareLogs(t, got, want)
		})
	}
}

// compareLogs compares lines; the bytes of a request are not compared when
// got has 0.
func compareLogs(t *testing.T, got, want []string) {
	t.Helper()
	count := map[string]int{}
	split := func(line string) (whole, part string) {
		f := strings.Fields(line)
		if len(f) != 5 {
			t.Fatalf("line %q", line)
		}
		part = strings.Join([]string{f[0], f[1], f[2], "0", f[4]}, " ")
		return line, part
	}
	for _, line := range want {
		count[line]++
	}
	missing := 0
	var rest []string
	for _, line := range got {
		if _, part := split(line); part == line {
			rest = append(rest, line)
			continue
		}
		if count[line]--; count[line] < 0 {
			t.Errorf("nginx did not log %q", line)
		}
	}
	parts := map[string]int{}
	for line, n := range count {
		_, part := split(line)
		parts[part] += max(n, 0)
	}
	for _, line := range rest {
		if parts[line]--; parts[line] < 0 {
			t.Errorf("nginx did not log %q", line)
		}
	}
	for line, n := range parts {
		if n > 0 {
			missing += n
			t.Errorf("%d times not decoded: %q", n, line)
		}
	}
	if len(got) != len(want) || len(want) != 480 || missing > 0 {
		t.Errorf("%d decoded, %d logged, want 480", len(got), len(want))
	}
}
