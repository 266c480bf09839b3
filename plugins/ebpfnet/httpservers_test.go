package ebpfnet

import (
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
)

// requests is how many a server of somebody else gets in each way.
func requests() int {
	switch {
	case proving:
		return 50000
	case emulated():
		return 300
	default:
		return 3000
	}
}

// TestHTTPServers: what the server's own log says is what both sides report,
// by method, path and status.
func TestHTTPServers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		needs  string
		serve  func(testing.TB, *host) *logged
		paths  string
		client string // of Go
	}{
		{"nginx", "nginx", func(t testing.TB, h *host) *logged { return nginx(t, h, "sendfile off;", "") }, " /a /b?x=y /c /status/404 /status/204 /moved", ""},
		{"nginx with sendfile", "nginx", func(t testing.TB, h *host) *logged { return nginx(t, h, "sendfile on; tcp_nopush on;", "") }, " /a /b?x=y /c /status/404 /status/204 /moved", ""},
		{"nginx, short connections", "nginx", func(t testing.TB, h *host) *logged { return nginx(t, h, "sendfile on;", "") }, " /a /b?x=y /status/404", "short"},
		{"nginx, deferred accept", "nginx", func(t testing.TB, h *host) *logged { return nginx(t, h, "sendfile on;", "deferred") }, " /a /b /status/404", "short"},
		{"Python", "/usr/bin/python3", python, " /a /b?x=y /status/404 /status/204", ""},
		{"Node.js", "node", node, " /a /b?x=y /status/404 /status/204", ""},
		{"Node.js, short connections", "node", node, " /a /b?x=y", "short"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nettest.Need(t, tt.needs)
			w := newWorld(t)
			server := tt.serve(t, w.far)
			client := w.near.start(t)
			watch := observePackets(t, w, nil, []string{"httpflow"})
			n := requests()
			if tt.name == "Python" {
				n /= 10 // sends heads and bodies apart, and waits for the acknowledgement
			}
			got := client.do(order{Do: "http fetch", Addr: server.addr + tt.paths, N: n, ID: 8, Kind: tt.client}).Log
			log := server.read(t, n)
			compare(t, "client and server", got, log)
			watch.compare(server.addr, log)
			watch.nothingLost()
		})
	}
}

// compare compares both sides with a log.
func (p *packetWatch) compare(addr string, log map[string]int) {
	p.t.Helper()
	port := portOf(p.t, addr)
	p.report()
	for _, direction := range []string{outgoing, incoming} {
		seen, pids := p.counts(direction, port)
		compare(p.t, direction, seen, log)
		for who := range maps.Keys(pids) {
			if strings.HasPrefix(who, " ") {
				p.t.Errorf("%s: %d requests of nobody", direction, pids[who])
			}
		}
	}
}

// TestCurl: what curl does that other clients do not.
func TestCurl(t *testing.T) {
	nettest.Need(t, "curl")
	w := newWorld(t)
	server := w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	s := server.do(order{Do: "http serve", Addr: w.far.addr(false, 0)})
	body := strings.Repeat("x", 2<<20)
	for name, args := range map[string][]string{
		"HTTP/1.0":            {"--http1.0", s.Addr + "/old"},
		"keep-alive":          {s.Addr + "/k?[1-50]"},
		"head":                {"-I", s.Addr + "/head"},
		"upload with 100":     {"-H", "Expect: 100-continue", "--data-binary", "@-", s.Addr + "/up"},
		"put in chunks":       {"-H", "Transfer-Encoding: chunked", "-T", "-", s.Addr + "/put"},
		"HTTP/2":              {"--http2-prior-knowledge", s.Addr + "/two?a=b"},
		"HTTP/2 by upgrade":   {"--http2", s.Addr + "/upgraded"},
		"HTTP/2, upload":      {"--http2-prior-knowledge", "--data-binary", "@-", s.Addr + "/up2"},
		"range of a download": {"-r", "5-9", s.Addr + "/bytes/5000"},
		"a long head":         {"-H", "Cookie: " + body[:5000], s.Addr + "/cookie"},
		"a long path":         {s.Addr + "/" + body[:1500]},
		"options":             {"-X", "OPTIONS", "--request-target", "*", s.Addr},
		"patch":               {"-X", "PATCH", "-d", "x=y", s.Addr + "/patch"},
		"unusual method":      {"-X", "FROBNICATE", s.Addr + "/dav"},
	} {
		t.Run(name, func(t *testing.T) {
			watch.forget()
			cmd := exec.Command("curl", append([]string{"-s", "-o", "/dev/null", "--max-time", "20"}, args...)...)
			cmd.Stdin = strings.NewReader(body)
			w.near.Finish(t, cmd)
			log := server.do(order{Do: "http log", ID: s.ID}).Log
			if name == "options" { // Go answers this one by itself
				log = map[string]int{"OPTIONS * 200": 1}
			}
			if name == "unusual method" {
				log = map[string]int{"_OTHER /dav 200": 1}
			}
			if len(log) == 0 {
				t.Fatal("the server got nothing")
			}
			watch.compare(s.Addr, log)
		})
	}
	// Where a chunk begins may lie beyond what is captured of a packet; the
	// exchange ends all the same.
	watch.nothingLost("http_chunks_lost")
}

// TestWrk: as fast as it goes. Either nothing is lost, and the counts are
// those of the log, or the reader was kept from its work, by the race detector
// or by others on the machine, and what is lost is counted.
func TestWrk(t *testing.T) {
	nettest.Need(t, "nginx", "wrk")
	for _, options := range []string{"sendfile on;", "sendfile off;"} {
		t.Run(options, func(t *testing.T) {
			w := newWorld(t)
			server := nginx(t, w.far, options, "")
			watch := observePackets(t, w, nil, []string{"httpflow"})
			seconds := "1s"
			if proving {
				seconds = "10s"
			}
			out := w.near.Run(t, "wrk", "-t1", "-c32", "-d"+seconds, "http://"+server.addr+"/a")
			var n int
			for line := range strings.Lines(out) {
				if strings.Contains(line, "requests in") {
					_, err := fmt.Sscan(line, &n)
					must(t, err)
				}
			}
			server.settle(t)
			log := server.read(t, n)
			watch.report()
			c, err := watch.p.apps.tap.Counts()
			must(t, err)
			t.Logf("%s; %d packets lost", strings.TrimSpace(out[strings.Index(out, "Requests/sec"):]), c.Lost)
			if c.Lost > 0 && !proving {
				must(t, ledger.Check(watch.p.Accounts()))
				return
			}
			seen, _ := watch.counts(incoming, portOf(t, server.addr))
			compare(t, incoming, seen, log)
			// wrk ends with requests on their way, which its side never sees answered.
			seen, _ = watch.counts(outgoing, portOf(t, server.addr))
			if cut := seen["GET /a 0"]; cut > 32 || seen["GET /a 200"]+cut != log["GET /a 200"] || seen["GET /a 200"] < n {
				t.Errorf("outgoing: %v; wrk got %d answers, nginx logged %v", seen, n, log)
			}
			watch.nothingLost()
		})
	}
}
