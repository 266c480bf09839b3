package ebpfnet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/plugins"
)

func dnsLog(c *plugins.EBPF) { c.L7NetDisabled, c.DNSLog = nil, true }

// rcodes sums dnsflow of one direction up, by "transport rcode".
func (p *packetWatch) rcodes(direction string) map[string]int {
	m := map[string]int{}
	for _, r := range p.rows["dnsflow"] {
		if r["direction"] == direction {
			m[fmt.Sprintf("%s %d", r.text("transport"), r.int("rcode"))] += r.int("count")
		}
	}
	return m
}

// dnsmasq serves names.test (any address), and nothing else.
func dnsmasq(t testing.TB, h *host) {
	t.Helper()
	h.Daemon(t, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--user=root",
		"--pid-file="+filepath.Join(t.TempDir(), "pid"), "--bind-interfaces", "--interface=far", "--dns-forward-max=1000",
		"--address=/names.test/192.0.2.7", "--address=/names.test/2001:db8::7", "--local=/nothing.test/", "--cname=alias.test,host.test",
		"--host-record=host.test,192.0.2.9,300")
	h.Listens(t, h.addr(false, 53))
}

// queries writes a batch for dig: n names of each kind, from a number on.
func queries(t testing.TB, from, n int) string {
	t.Helper()
	var b strings.Builder
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, "n%d.names.test A\nn%d.nothing.test A\nn%d.elsewhere.test A\nn%d.names.test AAAA\n", i, i, i, i)
	}
	file := filepath.Join(t.TempDir(), "queries")
	must(t, os.WriteFile(file, []byte(b.String()), 0o644))
	return file
}

// TestDNS: dig asks dnsmasq. What both sides report are the response codes
// that dig prints, and latencies are those of tshark.
func TestDNS(t *testing.T) {
	nettest.Need(t, "dnsmasq", "dig", "tcpdump", "tshark")
	w := newWorld(t)
	dnsmasq(t, w.far)
	watch := observePackets(t, w, nil, nil, dnsLog)
	const n = 250
	batches := 1
	if proving {
		batches = 10 // 20,000 queries over UDP
	}
	for _, tt := range []struct {
		name, transport string
		v6              bool
		args            []string
	}{
		{"UDP", "udp", false, nil},
		{"UDP v6", "udp", true, nil},
		{"TCP", "tcp", false, []string{"+tcp", "+keepopen"}},
		{"TCP v6", "tcp", true, []string{"+tcp"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			watch.forget()
			count := n
			if tt.transport == "tcp" {
				count = 24 // dnsmasq ends a connection after 100 queries
			}
			file, stop := w.near.Tcpdump(t, "-s", "300", "port 53")
			server := w.far.V4
			if tt.v6 {
				server = w.far.V6
			}
			var out string
			for i := range batches {
				out += w.near.Run(t, "dig", append([]string{"@" + server, "+noall", "+comments", "+tries=1", "+time=5"}, append(tt.args, "-f", queries(t, i*count, count))...)...)
				watch.report()
			}
			want := map[string]int{}
			for text, code := range map[string]int{"NOERROR": 0, "NXDOMAIN": 3, "REFUSED": 5, "SERVFAIL": 2} {
				if c := strings.Count(out, "status: "+text); c > 0 {
					want[fmt.Sprintf("%s %d", tt.transport, code)] = c
				}
			}
			if tallyOf(want) != 4*count*batches {
				t.Fatalf("dig got %v of %d answers", want, 4*count*batches)
			}
			for _, direction := range []string{outgoing, incoming} {
				compare(t, direction, watch.rcodes(direction), want)
			}
			must(t, stop())
			sameLatency(t, watch, file, tt.transport)
			watch.nothingLost()
		})
	}
	if got := watch.p.apps.domains.Lookup(mustAddr("192.0.2.7")); !strings.HasSuffix(got, ".names.test") {
		t.Errorf("192.0.2.7 is called %q", got)
	}
}

// sameLatency compares the client's latencies with tshark's dns.time.
func sameLatency(t *testing.T, watch *packetWatch, file, transport string) {
	t.Helper()
	ours := map[string]time.Duration{}
	for _, r := range watch.rows["dns_log"] {
		if r["direction"] == outgoing && r["transport"] == transport {
			ours[r.text("query_name")+" "+r.text("query_type")] = time.Duration(r.int("latency"))
		}
	}
	types := map[string]string{"1": "A", "28": "AAAA"}
	var differences []time.Duration
	for _, row := range tshark(t, file, "dns.flags.response == 1 and dns.time", "dns.qry.name", "dns.qry.type", "dns.time") {
		seconds, err := strconv.ParseFloat(row[2], 64)
		must(t, err)
		name := row[0] + " " + types[row[1]]
		mine, ok := ours[name]
		if !ok {
			t.Errorf("no latency of %s", name)
			continue
		}
		differences = append(differences, (mine - time.Duration(seconds*1e9)).Abs())
	}
	if len(differences) != len(ours) {
		t.Errorf("tshark has %d transactions, we have %d", len(differences), len(ours))
	}
	slices.Sort(differences)
	if len(differences) == 0 {
		t.Fatal("nothing to compare")
	}
	m, p99 := differences[len(differences)/2], differences[len(differences)*99/100]
	t.Logf("latency differs from tshark's by %v in the median, %v in the 99th percentile of %d", m, p99, len(differences))
	if m > sameTime() {
		t.Errorf("latency differs from tshark's by %v in the median", m)
	}
}

// TestDNSNoAnswer: queries that nobody answers are timeouts.
func TestDNSNoAnswer(t *testing.T) {
	nettest.Need(t, "dig")
	w := newWorld(t)
	server := w.far.start(t)
	server.do(order{Do: "udp sink", Addr: w.far.addr(false, 53)})
	watch := observePackets(t, w, nil, nil, dnsLog)
	if out, err := w.near.Try(t, "dig", "@"+w.far.V4, "+tries=3", "+time=1", "silent.example.org"); err == nil {
		t.Fatalf("dig got an answer: %s", out)
	}
	watch.report()
	if got := watch.rcodes(outgoing); len(got) != 0 {
		t.Errorf("%v before the time is over", got)
	}
	watch.still(func(a *applications) { a.queries.Expire(monotonic() + int64(7*time.Second)) })
	watch.report()
	// dig tries again from another port.
	for _, direction := range []string{outgoing, incoming} {
		compare(t, direction, watch.rcodes(direction), map[string]int{"udp -1": 3})
	}
	for _, r := range watch.rows["dnsflow"] {
		if _, ok := r["latency"]; ok {
			t.Errorf("a timeout has a latency: %v", r)
		}
	}
}

// TestDNSServerFailure: unbound cannot find out, because those it asks refuse.
func TestDNSServerFailure(t *testing.T) {
	nettest.Need(t, "dig", "unbound", "dnsmasq")
	w := newWorld(t)
	conf := filepath.Join(t.TempDir(), "unbound.conf")
	must(t, os.WriteFile(conf, []byte(fmt.Sprintf(`server:
  interface: %s
  access-control: 0.0.0.0/0 allow
  username: ""
  chroot: ""
  directory: %q
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@5300
`, w.far.V4, t.TempDir())), 0o644))
	w.far.Daemon(t, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--user=root",
		"--pid-file="+filepath.Join(t.TempDir(), "pid"), "--port=5300", "--bind-interfaces", "--listen-address=127.0.0.1")
	w.far.Daemon(t, "unbound", "-d", "-p", "-c", conf)
	w.far.Listens(t, w.far.addr(false, 53))
	watch := observePackets(t, w, nil, nil, dnsLog)
	want := map[string]int{}
	for i := range 5 {
		out := w.near.Run(t, "dig", "@"+w.far.V4, "+tries=1", "+time=10", fmt.Sprintf("n%d.example.org", i))
		if !strings.Contains(out, "status: SERVFAIL") {
			t.Fatal(out)
		}
		want["udp 2"]++
	}
	watch.report()
	for _, direction := range []string{outgoing, incoming} {
		compare(t, direction, watch.rcodes(direction), want)
	}
}

// TestDomain: what a name was resolved to is called by it in all flows, the
// first name of a chain.
func TestDomain(t *testing.T) {
	nettest.Need(t, "dnsmasq", "dig")
	w := newWorld(t)
	dnsmasq(t, w.far)
	watch := observePackets(t, w, []string{"udp"}, []string{"httpflow"}, dns)
	if out := w.near.Run(t, "dig", "@"+w.far.V4, "alias.test"); !strings.Contains(out, "192.0.2.9") {
		t.Fatal(out)
	}
	watch.report()
	if got := watch.p.apps.domains.Lookup(mustAddr("192.0.2.9")); got != "alias.test" {
		t.Errorf("192.0.2.9 is called %q, want the name that was asked for", got)
	}
}
