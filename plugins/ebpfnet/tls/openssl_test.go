package tls

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// nginx is a server with OpenSSL that writes down what it served.
type nginx struct {
	pid  int // of the worker, which serves
	addr string
	log  string
}

func startNginx(t testing.TB, h *nettest.Host, extra string) *nginx {
	t.Helper()
	nettest.Need(t, "nginx")
	cert, key := certificate(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "root"), 0o755))
	for i := range 5 {
		must(t, os.WriteFile(filepath.Join(dir, "root", fmt.Sprint("small", i)), []byte("hello"), 0o644))
		must(t, os.WriteFile(filepath.Join(dir, "root", fmt.Sprint("large", i)), make([]byte, 60000), 0o644))
	}
	if version, _ := exec.Command("nginx", "-v").CombinedOutput(); strings.Contains(string(version), "nginx/1.18.") {
		extra += " http2_max_requests 1000000;" // of Debian 11; keepalive_requests serves later
	}
	n := &nginx{addr: netip.AddrPortFrom(netip.MustParseAddr(h.V4), 443).String(), log: filepath.Join(dir, "access.log")}
	config := fmt.Sprintf(`
daemon off; master_process off; user root; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 1024; }
http {
	log_format short '$request_method $uri $status $server_protocol';
	access_log %[2]s short;
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	keepalive_requests 1000000;
	server {
		listen %[3]s ssl http2; ssl_certificate %[4]s; ssl_certificate_key %[5]s;
		root %[1]s/root; %[6]s
		location /gone { return 410; }
	}
}`, dir, n.log, n.addr, cert, key, extra)
	must(t, os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o644))
	n.pid = h.Daemon(t, "nginx", "-c", filepath.Join(dir, "nginx.conf")).Process.Pid
	nettest.Eventually(t, "nginx listens", func() bool {
		pid, err := os.ReadFile(filepath.Join(dir, "pid"))
		return err == nil && strings.TrimSpace(string(pid)) == strconv.Itoa(n.pid)
	})
	return n
}

// served reads the access log as exchanges, of the server's side.
func (n *nginx) served(t testing.TB) map[result]int {
	t.Helper()
	data, err := os.ReadFile(n.log)
	must(t, err)
	all := map[result]int{}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		status, err := strconv.Atoi(f[2])
		must(t, err)
		version := strings.TrimSuffix(strings.TrimPrefix(f[3], "HTTP/"), ".0")
		all[result{flow.Incoming, uint32(n.pid), netip.MustParseAddrPort(n.addr), version, f[0], f[1], status, -1}]++
	}
	return all
}

// mirrored is the same as the client sees it.
func mirrored(served map[result]int, pid int) map[result]int {
	all := map[result]int{}
	for r, n := range served {
		r.direction, r.pid = flow.Outgoing, uint32(pid)
		all[r] += n
	}
	return all
}

// run runs a client to its end and returns its pid.
func run(t testing.TB, h *nettest.Host, name string, args ...string) int {
	t.Helper()
	nettest.Need(t, name)
	cmd := exec.Command(name, args...)
	h.Finish(t, cmd)
	return cmd.Process.Pid
}

// TestCurl: curl and nginx, both with OpenSSL, over HTTP/1 and HTTP/2; counts
// equal nginx's log on both sides.
func TestCurl(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		n    int
	}{
		{"http1", []string{"--http1.1"}, 100},
		{"http2", []string{"--http2"}, 100},
		{"http2 in parallel", []string{"--http2", "--parallel", "--parallel-max", "10"}, 100},
		{"a process for one request", []string{"--http1.1"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nettest.Need(t, "curl")
			w := nettest.New(t)
			server := startNginx(t, w.Far, "")
			o := observe(t, w)
			o.uses(server.pid)
			want := map[result]int{}
			runs := 1
			if tt.n == 1 {
				runs = 20
			}
			before := map[result]int{}
			for range runs {
				args := append([]string{"-k", "-s", "-o", "/dev/null"}, tt.args...)
				for i := range tt.n {
					for _, path := range []string{"small", "large", "missing", "gone"} {
						if tt.n == 1 && path != "small" {
							continue
						}
						args = append(args, "-o", "/dev/null", "https://"+server.addr+"/"+path+fmt.Sprint(i%5)+"?q="+fmt.Sprint(i))
					}
				}
				pid := run(t, w.Near, "curl", args...)
				var now map[result]int
				nettest.Eventually(t, "nginx has written all down", func() bool {
					now = server.served(t)
					return total(now) == total(before)+strings.Count(strings.Join(args, " "), "https:")
				})
				for r, n := range mirrored(now, pid) {
					was := r
					was.direction, was.pid = flow.Incoming, uint32(server.pid)
					if d := n - before[was]; d > 0 {
						want[r] = d
					}
				}
				before = now
			}
			o.want(flow.Outgoing, want)
			o.want(flow.Incoming, server.served(t))
			o.balanced()
		})
	}
}

// TestPython: requests, the client library most used.
func TestPython(t *testing.T) {
	const script = `
import sys, requests, urllib3
urllib3.disable_warnings()
s = requests.Session()
for i in range(int(sys.argv[2])):
    for path in ("small", "large", "missing", "gone"):
        s.get("https://%s/%s%d" % (sys.argv[1], path, i % 5), verify=False)
requests.post("https://%s/small0" % sys.argv[1], data="x" * 100000, verify=False)
`
	w := nettest.New(t)
	server := startNginx(t, w.Far, "")
	o := observe(t, w)
	o.uses(server.pid)
	pid := run(t, w.Near, "/usr/bin/python3", "-c", script, server.addr, "30")
	o.want(flow.Outgoing, mirrored(server.served(t), pid))
	o.want(flow.Incoming, server.served(t))
	o.balanced()
}

// TestMemoryBIO: Python's asyncio and Node.js encrypt into memory and send
// later.
func TestMemoryBIO(t *testing.T) {
	const asyncio = `
import asyncio, ssl, sys
async def main():
    ctx = ssl.create_default_context(); ctx.check_hostname = False; ctx.verify_mode = ssl.CERT_NONE
    host, port = sys.argv[1].rsplit(":", 1)
    for c in range(5):
        r, w = await asyncio.open_connection(host, int(port), ssl=ctx)
        for i in range(10):
            w.write(b"GET /small%d HTTP/1.1\r\nHost: x\r\n\r\n" % (i % 5)); await w.drain()
            head = await r.readuntil(b"\r\n\r\n")
            body = await r.readexactly(5)
        w.close()
asyncio.run(main())
`
	const node = `
const https = require("https");
const agent = new https.Agent({keepAlive: true, maxSockets: 1, rejectUnauthorized: false});
let left = 50;
function next() {
  if (left-- == 0) { agent.destroy(); return; }
  https.get("https://" + process.argv[process.argv.length - 1] + "/small" + left % 5, {agent}, r => { r.resume(); r.on("end", next); });
}
setTimeout(next, 1000);
`
	for _, tt := range []struct{ name, program, flag, script string }{
		{"asyncio", "/usr/bin/python3", "-c", asyncio},
		{"node", "node", "-e", node},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := nettest.New(t)
			server := startNginx(t, w.Far, "")
			o := observe(t, w)
			o.uses(server.pid)
			args := []string{tt.flag, tt.script, server.addr}
			pid := run(t, w.Near, tt.program, args...)
			o.want(flow.Outgoing, mirrored(server.served(t), pid))
			o.want(flow.Incoming, server.served(t))
			o.balanced()
		})
	}
}

// TestGnuTLS: gnutls-cli speaks what it is given.
func TestGnuTLS(t *testing.T) {
	nettest.Need(t, "gnutls-cli")
	w := nettest.New(t)
	server := startNginx(t, w.Far, "")
	o := observe(t, w)
	o.uses(server.pid)
	want := map[result]int{}
	for range 3 {
		host, port, _ := strings.Cut(server.addr, ":")
		cmd := exec.Command("gnutls-cli", "--insecure", "-p", port, host)
		stdin, err := cmd.StdinPipe()
		must(t, err)
		w.Near.In(t, cmd.Start)
		o.uses(cmd.Process.Pid)
		before := server.served(t)
		for i := range 5 {
			fmt.Fprintf(stdin, "GET /small%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
			nettest.Eventually(t, "nginx answers", func() bool { return total(server.served(t)) == total(before)+i+1 })
			time.Sleep(20 * time.Millisecond) // until it is read
		}
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		for r := range before {
			if r.method == "" {
				t.Fatal(r)
			}
		}
		now := server.served(t)
		for r, n := range now {
			now[r] = n - before[r]
		}
		maps.Copy(want, mirrored(now, cmd.Process.Pid))
	}
	o.want(flow.Outgoing, want)
	o.want(flow.Incoming, server.served(t))
	o.balanced()
}

func total(all map[result]int) (n int) {
	for _, c := range all {
		n += c
	}
	return n
}
