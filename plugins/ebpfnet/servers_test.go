package ebpfnet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
)

// logged is a server of somebody else that writes a log.
type logged struct {
	addr string
	file string
}

// read returns the log, once n requests are in it.
func (l *logged) read(t testing.TB, n int) map[string]int {
	t.Helper()
	log := map[string]int{}
	nettest.Eventually(t, fmt.Sprintf("the server has logged %d requests", n), func() bool {
		b, err := os.ReadFile(l.file)
		must(t, err)
		clear(log)
		for line := range strings.Lines(string(b)) {
			if strings.HasSuffix(line, "\n") {
				log[strings.TrimSuffix(line, "\n")]++
			}
		}
		return tallyOf(log) >= n
	})
	must(t, os.Truncate(l.file, 0))
	return log
}

// settle waits until nothing more is logged: wrk leaves while requests are on
// their way.
func (l *logged) settle(t testing.TB) {
	t.Helper()
	size := func() int64 {
		info, err := os.Stat(l.file)
		must(t, err)
		return info.Size()
	}
	nettest.Eventually(t, "the log is complete", func() bool {
		before := size()
		time.Sleep(100 * time.Millisecond)
		return size() == before
	})
}

// readable makes a folder that servers with another user may read.
func readable(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "web")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// nginx serves files of some sizes and answers with some codes.
func nginx(t testing.TB, h *host, options, listen string, cgroup ...string) *logged {
	t.Helper()
	dir := readable(t)
	for name, size := range map[string]int{"a": 100, "b": 3000, "c": 200000} {
		must(t, os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644))
	}
	l := &logged{addr: h.addr(false, 8080), file: filepath.Join(dir, "access")}
	conf := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(conf, []byte(fmt.Sprintf(`daemon off;
user root;
pid %[1]s/pid;
error_log %[1]s/error;
worker_processes 2;
events { worker_connections 512; }
http {
  log_format short "$request_method $uri $status";
  access_log %[1]s/access short;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  keepalive_requests 1000000;
  %[3]s
  server {
    listen %[2]s %[4]s;
    root %[1]s;
    location /status/404 { return 404; }
    location /status/204 { return 204; }
    location /moved { return 301 /a; }
  }
}
`, dir, l.addr, options, listen)), 0o644))
	name, args := "nginx", []string{"-c", conf}
	if len(cgroup) > 0 {
		name, args = inside(cgroup[0], append([]string{name}, args...)...)
	}
	h.Daemon(t, name, args...)
	h.Listens(t, l.addr)
	return l
}

// python serves any path, each connection by a thread.
func python(t testing.TB, h *host) *logged {
	t.Helper()
	dir := readable(t)
	l := &logged{addr: h.addr(false, 8081), file: filepath.Join(dir, "access")}
	must(t, os.WriteFile(l.file, nil, 0o644))
	h.Daemon(t, "/usr/bin/python3", "-c", `
import sys, http.server
host, port, log = sys.argv[1], int(sys.argv[2]), open(sys.argv[3], "a", buffering=1)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0]
        status = int(path.split("/")[2]) if path.startswith("/status/") else 200
        body = b"" if status in (204, 304) else b"hello"
        log.write("%s %s %d\n" % (self.command, path, status))
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = answer
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer.request_queue_size = 64
http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
`, h.V4, "8081", l.file)
	h.Listens(t, l.addr)
	return l
}

// node serves any path; bodies are chunked.
func node(t testing.TB, h *host) *logged {
	t.Helper()
	dir := readable(t)
	l := &logged{addr: h.addr(false, 8082), file: filepath.Join(dir, "access")}
	must(t, os.WriteFile(l.file, nil, 0o644))
	h.Daemon(t, "node", "-e", `
const http = require("http"), fs = require("fs");
const [host, port, file] = process.argv.slice(1);
http.createServer((q, r) => {
  q.resume();
  q.on("end", () => {
    const path = q.url.split("?")[0], parts = path.split("/");
    const status = parts[1] == "status" ? +parts[2] : 200;
    fs.appendFileSync(file, q.method + " " + path + " " + status + "\n");
    r.writeHead(status);
    if (status != 204 && status != 304) r.write("hello ");
    r.end(status != 204 && status != 304 ? "world" : undefined);
  });
}).listen(+port, host);
`, h.V4, "8082", l.file)
	h.Listens(t, l.addr)
	return l
}
