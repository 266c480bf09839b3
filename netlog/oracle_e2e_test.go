//go:build e2e

package netlog

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"datakit.dev/agent/internal/nettest"
)

// nginx serves two files over HTTP/1.1 on port 80 and HTTP/2 on port 81.
func nginx(t *testing.T, w *nettest.World) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "small"), []byte("hello"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "big"), make([]byte, 200_000), 0o644))
	conf := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(conf, []byte(strings.ReplaceAll(`daemon off; master_process off; pid DIR/pid; error_log DIR/error;
events {}
http { access_log off; client_body_temp_path DIR/a; proxy_temp_path DIR/b; fastcgi_temp_path DIR/c; uwsgi_temp_path DIR/d; scgi_temp_path DIR/e;
 server { listen 80; listen [::]:80; root DIR; }
 server { listen 81 http2; root DIR; } }`, "DIR", dir)), 0o644))
	w.Far.Daemon(t, "nginx", "-c", conf)
	w.Far.Listens(t, w.Far.V4+":80")
}

// tunnel joins the hosts by VXLAN too, 10.79.0.1 and 10.79.0.2.
func tunnel(t *testing.T, w *nettest.World) {
	t.Helper()
	for i, h := range []*nettest.Host{w.Near, w.Far} {
		handle, other := h.Handle(t), []*nettest.Host{w.Far, w.Near}[i]
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "vx"
		link := &netlink.Vxlan{LinkAttrs: attrs, VxlanId: 42, Port: 4789, SrcAddr: net.ParseIP(h.V4), Group: net.ParseIP(other.V4)}
		must(t, handle.LinkAdd(link))
		a, err := netlink.ParseAddr(fmt.Sprintf("10.79.0.%d/24", i+1))
		must(t, err)
		must(t, handle.AddrAdd(link, a))
		must(t, handle.LinkSetUp(link))
	}
}

// traffic of real programs, captured by tcpdump.
func realTraffic(t *testing.T) (file string, on Interface) {
	nettest.Need(t, "nginx", "iperf3", "nft", "curl", "wrk", "tshark")
	w := nettest.New(t)
	nginx(t, w)
	tunnel(t, w)
	w.Far.Daemon(t, "iperf3", "-s", "-p", "5201")
	w.Far.Listens(t, w.Far.V4+":5201")
	loss := exec.Command("nft", "-f", "-") // 3 % of what iperf3 sends is lost, as is one port
	loss.Stdin = strings.NewReader(`table inet loss {
 chain in { type filter hook input priority 0
  tcp dport 5201 numgen random mod 100 < 3 drop
  tcp dport 9 drop
 }
}`)
	w.Far.Finish(t, loss)
	file, stop := w.Near.Tcpdump(t, "-s", "0")
	at := "http://" + w.Far.V4
	w.Near.Run(t, "curl", "-sf", "-o", "/dev/null", at+"/small", "-o", "/dev/null", at+"/big?q=1", "-o", "/dev/null", at+"/small")
	w.Near.Run(t, "curl", "-sf", "-o", "/dev/null", "http://["+w.Far.V6+"]/big")
	w.Near.Run(t, "curl", "-s", "-o", "/dev/null", at+"/missing")
	w.Near.Run(t, "curl", "-sf", "-o", "/dev/null", "http://10.79.0.2/big")
	for _, path := range []string{"/small", "/big"} {
		w.Near.Run(t, "curl", "-sf", "--http2-prior-knowledge", "-o", "/dev/null", at+":81"+path)
	}
	w.Near.Run(t, "wrk", "-t1", "-c5", "-d1s", at+"/small")
	w.Near.Run(t, "iperf3", "-c", w.Far.V4, "-p", "5201", "-t", "1", "-b", "30M", "-P", "2")
	w.Near.Run(t, "sh", "-c", "curl -s -m 4 "+at+":9/ || true")
	must(t, stop())
	on = Interface{Name: w.Near.Name}
	copy(on.MAC[:], w.Near.Link(t).HardwareAddr)
	return file, on
}

// ask asks tshark for fields of the packets a filter lets through.
func ask(t *testing.T, file, filter string, fields ...string) (rows [][]string) {
	t.Helper()
	args := []string{"-n", "-r", file, "-d", "tcp.port==81,http2", "-Y", filter, "-T", "fields", "-E", "occurrence=l"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	must(t, err)
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}

// TestLikeTshark compares per connection packets, bytes, retransmissions and
// repeated SYNs, and all exchanges, with tshark's.
func TestLikeTshark(t *testing.T) {
	file, on := realTraffic(t)
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	cfg := settings()
	cfg.On = on
	out := &collected{}
	_, err = Replay(t.Context(), f, cfg, out)
	must(t, err)
	compareConnections(t, file, out)
	compareExchanges(t, file, out)
}

// sums are of one direction of a connection, by its ports.
type sums struct{ packets, bytes, retransmits, syns int64 }

func compareConnections(t *testing.T, file string, out *collected) {
	t.Helper()
	want, got := map[string]sums{}, map[string]sums{}
	early := 0 // repeated within the round trip time: see README.md
	for _, r := range ask(t, file, "tcp", "tcp.srcport", "tcp.dstport", "tcp.len", "tcp.analysis.retransmission", "tcp.flags.syn", "tcp.analysis.out_of_order") {
		s := want[r[0]+">"+r[1]]
		s.packets++
		n, err := strconv.Atoi(r[2])
		must(t, err)
		s.bytes += int64(n)
		if r[3] != "" {
			s.retransmits++
			if r[4] == "1" || r[4] == "True" {
				s.syns++
			}
		}
		if r[5] != "" {
			early++
		}
		want[r[0]+">"+r[1]] = s
	}
	late := int64(0)
	for _, p := range out.of("bpf_net_l4_log") {
		if tag(p, "l4_proto") != "tcp" {
			continue
		}
		tx, rx := tag(p, "src_port")+">"+tag(p, "dst_port"), tag(p, "dst_port")+">"+tag(p, "src_port")
		s := got[tx]
		got[tx] = sums{s.packets + integer(p, "tx_packets"), s.bytes + integer(p, "tx_bytes"), s.retransmits + integer(p, "tx_retrans"), s.syns + integer(p, "tcp_syn_retrans")}
		s = got[rx]
		if n := integer(p, "rx_packets"); n > 0 {
			got[rx] = sums{s.packets + n, s.bytes + integer(p, "rx_bytes"), s.retransmits + integer(p, "rx_retrans"), s.syns}
		}
		late += integer(p, "tx_out_of_order") + integer(p, "rx_out_of_order")
	}
	explained := int64(early) - late
	var total sums
	for _, key := range slices.Sorted(maps.Keys(want)) {
		g, w := got[key], want[key]
		total.packets, total.retransmits, total.syns = total.packets+w.packets, total.retransmits+w.retransmits, total.syns+w.syns
		if more := g.retransmits - w.retransmits; more > 0 && more <= explained {
			explained -= more
			g.retransmits = w.retransmits
		}
		if g != w {
			t.Errorf("%s: %+v, tshark %+v", key, g, w)
		}
	}
	if len(got) != len(want) || explained != 0 {
		t.Errorf("%d directions, tshark %d; %d packets are late for tshark and not repeated here", len(got), len(want), explained)
	}
	t.Logf("%d directions, %d packets, %d repeated, %d of them SYNs", len(want), total.packets, total.retransmits, total.syns)
}

func compareExchanges(t *testing.T, file string, out *collected) {
	t.Helper()
	want, got := map[string]int{}, map[string]int{}
	for _, r := range ask(t, file, "http.request", "http.request.method", "http.request.uri", "tcp.srcport", "http.response_in") {
		path, _, _ := strings.Cut(r[1], "?")
		want[r[0]+" "+path+" "+r[2]]++
	}
	statuses := map[string]int{}
	for _, r := range ask(t, file, "http.response", "http.response.code", "tcp.dstport") {
		statuses[r[0]+" to "+r[1]]++
	}
	for _, r := range ask(t, file, "http2.headers.method", "http2.headers.method", "http2.headers.path", "tcp.srcport") {
		want[r[0]+" "+r[1]+" "+r[2]]++
	}
	for _, r := range ask(t, file, "http2.headers.status", "http2.headers.status", "tcp.dstport") {
		statuses[r[0]+" to "+r[1]]++
	}
	n := 0
	for _, p := range out.of("bpf_net_l7_log") {
		got[field(p, "http_method").AsString()+" "+field(p, "http_path").AsString()+" "+tag(p, "client_port")]++
		statuses[fmt.Sprintf("%d to %s", integer(p, "http_status_code"), tag(p, "client_port"))]--
		n++
	}
	if !maps.Equal(got, want) {
		for key, w := range want {
			if got[key] != w {
				t.Errorf("%d × %s, tshark %d", got[key], key, w)
			}
		}
		for key, n := range got {
			if want[key] == 0 {
				t.Errorf("%d × %s, tshark none", n, key)
			}
		}
	}
	for status, more := range statuses {
		if more != 0 {
			t.Errorf("status %s: tshark has %d more", status, more)
		}
	}
	t.Logf("%d exchanges", n)
}
