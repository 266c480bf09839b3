package netlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
	"datakit.dev/agent/plugins"
)

const (
	request  = "GET /a/b?secret=1 HTTP/1.1\r\nHost: example\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"
	response = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnever"
)

// exchange is one connection with one exchange.
func exchange(f *traffic) {
	d := f.dial("10.0.0.1:40000", "10.0.0.2:80")
	d.say(true, []byte(request))
	f.now += int64(5 * time.Millisecond)
	d.say(false, []byte(response))
	d.hangUp()
}

func TestL4Log(t *testing.T) {
	out, _ := replayed(t, settings(), exchange)
	logs := out.of("bpf_net_l4_log")
	if len(logs) != 1 {
		t.Fatalf("%d points", len(logs))
	}
	p := logs[0]
	for key, want := range map[string]string{
		"src_ip": "10.0.0.1", "src_port": "40000", "dst_ip": "10.0.0.2", "dst_port": "80",
		"client_ip": "10.0.0.1", "client_port": "40000", "server_ip": "10.0.0.2", "server_port": "80",
		"conn_side": "client", "direction": "outgoing", "l4_proto": "tcp", "l7_proto": "http",
		"nic_name": "eth0", "nic_mac": "02:00:00:00:00:01", "netns": "NS(4:4026531840)",
		"host_network": "true", "virtual_nic": "false", "vxlan_packet": "false", "vni_id": "",
	} {
		if got := tag(p, key); got != want {
			t.Errorf("tag %s is %q, want %q", key, got, want)
		}
	}
	for key, want := range map[string]int64{
		"chunk_id": 1, "tx_packets": 6, "rx_packets": 4, "tx_bytes": int64(len(request)), "rx_bytes": int64(len(response)),
		"tx_retrans": 0, "rx_retrans": 0, "tcp_syn_retrans": 0,
		"tx_seq_min": 1000, "tx_seq_max": 1001 + int64(len(request)) + 1, "rx_seq_min": 2000, "rx_seq_max": 2001 + int64(len(response)),
	} {
		if got := integer(p, key); got != want {
			t.Errorf("field %s is %d, want %d", key, got, want)
		}
	}
	if id := tag(p, "inner_traceid"); len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		t.Errorf("inner_traceid is %q", id)
	}
	if field(p, "tcp_3whs_cost").AsFloat() != 0.04 || field(p, "tcp_4whs_cost").AsFloat() != 0.04 || !field(p, "chunk_syn").AsBool() || !field(p, "chunk_fin").AsBool() {
		t.Errorf("%+v", p.Fields)
	}
	if p.Time != 1_700_000_000_000_020_000 {
		t.Errorf("time is %d, want that of the first packet", p.Time)
	}
}

// The JSON of a chunk, by an independent reader.
func TestL4Message(t *testing.T) {
	out, _ := replayed(t, settings(), exchange)
	var m struct {
		L4Proto string `json:"l4_proto"`
		TCP     struct {
			ChunkID   int               `json:"chunk_id"`
			TxSeqPos  uint32            `json:"tx_seq_pos"`
			RxSeqPos  uint32            `json:"rx_seq_pos"`
			TimePos   int64             `json:"time_pos"`
			MACMap    map[string]string `json:"mac_map"`
			ColNames  []string          `json:"tcp_series_col_name"`
			Series    [][]any           `json:"tcp_series"`
			TxBytes   int               `json:"tx_bytes"`
			RxPackets int               `json:"rx_packets"`
			TxRst     int               `json:"tx_rst"`
		} `json:"tcp"`
	}
	if err := json.Unmarshal([]byte(field(out.of("bpf_net_l4_log")[0], "message").AsString()), &m); err != nil {
		t.Fatal(err)
	}
	x := m.TCP
	if m.L4Proto != "tcp" || x.ChunkID != 1 || x.TxSeqPos != 1000 || x.RxSeqPos != 2000 || x.TimePos != 1_700_000_000_000_020_000 ||
		x.MACMap["02:00:00:00:00:01"] != "1" || x.MACMap["02:00:00:00:00:02"] != "2" || x.TxBytes != len(request) || x.RxPackets != 4 || x.TxRst != 0 {
		t.Errorf("%+v", m)
	}
	if got := strings.Join(x.ColNames, " "); got != "txrx src_mac dst_mac flags seq ack_seq payload_size win ts" {
		t.Errorf("columns %q", got)
	}
	if len(x.Series) != 10 {
		t.Fatalf("%d rows", len(x.Series))
	}
	for i, want := range []string{
		`["tx","1","2","SYN",0,0,0,512,0]`,
		`["rx","2","1","SYN|ACK",0,1,0,512,20000]`,
		`["tx","1","2","ACK",1,1,0,512,40000]`,
		fmt.Sprintf(`["tx","1","2","PSH|ACK",1,1,%d,512,60000]`, len(request)),
	} {
		if got, _ := json.Marshal(x.Series[i]); string(got) != want {
			t.Errorf("row %d is %s, want %s", i, got, want)
		}
	}
}

func TestL7Log(t *testing.T) {
	out, _ := replayed(t, settings(), exchange)
	logs := out.of("bpf_net_l7_log")
	if len(logs) != 1 {
		t.Fatalf("%d points", len(logs))
	}
	p := logs[0]
	for key, want := range map[string]string{
		"l7_proto": "http", "l7_traceid": "1001_2001", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "parent_id": "00f067aa0ba902b7",
		"conn_side": "client", "direction": "outgoing", "src_port": "40000", "inner_traceid": tag(out.of("bpf_net_l4_log")[0], "inner_traceid"),
	} {
		if got := tag(p, key); got != want {
			t.Errorf("tag %s is %q, want %q", key, got, want)
		}
	}
	if field(p, "http_method").AsString() != "GET" || field(p, "http_path").AsString() != "/a/b" || integer(p, "http_status_code") != 404 ||
		integer(p, "tx_seq") != 1001 || integer(p, "rx_seq") != 2001 || integer(p, "tx_bytes") != int64(len(request)) || integer(p, "rx_bytes") != int64(len(response)) {
		t.Errorf("%+v", p.Fields)
	}
	if got := field(p, "cost_resp_wait").AsFloat(); got < 5 || got > 5.1 {
		t.Errorf("waited %v ms, want 5", got)
	}
	if strings.Contains(string(out.lines), "secret") {
		t.Error("the query is in the log")
	}
}

func TestFlows(t *testing.T) {
	out, _ := replayed(t, settings(), exchange)
	flows := out.of("netflow")
	if len(flows) != 1 {
		t.Fatalf("%d flows", len(flows))
	}
	p := flows[0]
	if tag(p, "direction") != "outgoing" || tag(p, "src_port") != "*" || tag(p, "dst_port") != "80" || tag(p, "transport") != "tcp" ||
		integer(p, "bytes_written") != int64(len(request)) || integer(p, "bytes_read") != int64(len(response)) ||
		integer(p, "tcp_established") != 1 || integer(p, "tcp_closed") != 1 || integer(p, "rtt") == 0 {
		t.Errorf("%+v %+v", p.Tags, p.Fields)
	}
	http := out.of("httpflow")
	if len(http) != 1 || field(http[0], "path").AsString() != "/a/b" || integer(http[0], "status_code") != 404 || integer(http[0], "count") != 1 {
		t.Errorf("%+v", http)
	}
}

// Every point is as its measurement says.
func TestConforms(t *testing.T) {
	specs := map[string]point.Measurement{}
	for _, m := range Spec() {
		specs[m.Name] = m
	}
	out, _ := replayed(t, settings(), everything)
	for _, p := range out.pts {
		spec, ok := specs[p.Measurement]
		if !ok {
			t.Errorf("measurement %s is not declared", p.Measurement)
			continue
		}
		known := map[string]bool{}
		for _, s := range spec.Tags {
			known["tag "+s.Key] = true
			if !s.Optional && tag(p, s.Key) == "" {
				t.Errorf("%s lacks tag %s", p.Measurement, s.Key)
			}
		}
		for _, s := range spec.Fields {
			known["field "+s.Key] = true
			if got := field(p, s.Key).Kind(); got != s.Kind && (got != 0 || !s.Optional) {
				t.Errorf("%s: field %s has kind %d, want %d", p.Measurement, s.Key, got, s.Kind)
			}
		}
		for i, x := range p.Tags {
			if !known["tag "+x.Key] || i > 0 && p.Measurement != "netflow" && p.Tags[i-1].Key >= x.Key {
				t.Errorf("%s: tag %s is not declared, or not in order", p.Measurement, x.Key)
			}
		}
		for _, x := range p.Fields {
			if !known["field "+x.Key] {
				t.Errorf("%s: field %s is not declared", p.Measurement, x.Key)
			}
		}
	}
}

// everything is some of all that is logged.
func everything(f *traffic) {
	exchange(f)
	d := f.dial("[fd00::1]:50000", "[fd00::2]:8080")
	d.say(true, []byte("\x00\x01binary"))
	d.segment(true, packet.ACK|packet.PSH, []byte("binary"), 6)
	d.segment(false, packet.RST, nil, 0)
	f.dns("10.0.0.1:5353", "10.0.0.53:53", "example.org", [4]byte{10, 0, 0, 2})
	f.ping("10.0.0.1", "10.0.0.2")
	f.vxlan(7, func() { f.dial("192.168.0.1:41000", "192.168.0.2:80").hangUp() })
}

// The same file gives the same lines, whatever it is read with.
func TestDeterministic(t *testing.T) {
	first, _ := replayed(t, settings(), everything)
	for range 3 {
		again, _ := replayed(t, settings(), everything)
		if !bytes.Equal(first.lines, again.lines) {
			t.Fatal("lines differ")
		}
	}
}

// What Keep holds gives the same lines again, directions included.
func TestKeep(t *testing.T) {
	var kept bytes.Buffer
	cfg := settings()
	var err error
	if cfg.Keep, err = pcap.NewWriter(&kept, "test"); err != nil {
		t.Fatal(err)
	}
	cfg.Program.NetlogBlacklist = "udp"
	first, accounts := replayed(t, cfg, everything)
	if n := entry(t, accounts, "packets", "filtered", "blacklist"); n != 2 {
		t.Errorf("%d packets are filtered, want the 2 of DNS", n)
	}
	cfg.Keep, cfg.Program.NetlogBlacklist, cfg.On.MAC = nil, "", clientMAC
	again := &collected{}
	if _, err := Replay(t.Context(), &kept, cfg, again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.lines, again.lines) {
		t.Errorf("lines differ:\n%s\n%s", first.lines, again.lines)
	}
}

func TestDamagedFile(t *testing.T) {
	var file bytes.Buffer
	f := newTraffic(t, &file, 65535)
	exchange(f)
	f.done()
	out := &collected{}
	accounts, err := Replay(t.Context(), io.LimitReader(&file, int64(file.Len()-10)), settings(), out)
	if err == nil || !strings.Contains(err.Error(), "cut") {
		t.Errorf("error is %v", err)
	}
	if logs := out.of("bpf_net_l4_log"); len(logs) != 1 || integer(logs[0], "tx_packets")+integer(logs[0], "rx_packets") != 9 || len(out.of("netflow")) == 0 {
		t.Errorf("what came before the damage is lost: %+v", logs)
	}
	must(t, ledger.Check(accounts))
	if _, err := Replay(t.Context(), strings.NewReader("no capture"), settings(), out); err == nil {
		t.Error("no error for what is no capture")
	}
}

// Without word of the direction, the client is the local end.
func TestDirections(t *testing.T) {
	for name, tc := range map[string]struct {
		on        Interface
		direction string
	}{
		"nothing known":         {Interface{}, "outgoing"},
		"MAC of the client":     {Interface{MAC: clientMAC}, "outgoing"},
		"MAC of the server":     {Interface{MAC: serverMAC}, "incoming"},
		"address of the server": {Interface{Owns: func(a netip.Addr) bool { return a == addr("10.0.0.2") }}, "incoming"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings()
			cfg.On = tc.on
			out, _ := replayed(t, cfg, func(f *traffic) {
				f.silent = true
				exchange(f)
			})
			if got := tag(out.of("bpf_net_l4_log")[0], "direction"); got != tc.direction {
				t.Errorf("%s, want %s", got, tc.direction)
			}
		})
	}
}

func TestDNS(t *testing.T) {
	out, _ := replayed(t, settings(), func(f *traffic) {
		f.dns("10.0.0.1:5353", "10.0.0.53:53", "Web.example", [4]byte{10, 0, 0, 2})
		exchange(f)
		f.dns("10.0.0.1:5354", "10.0.0.53:53", "again.example", [4]byte{10, 0, 0, 3})
	})
	flows := out.of("dnsflow")
	if len(flows) != 1 || integer(flows[0], "count") != 2 || integer(flows[0], "rcode") != 0 || integer(flows[0], "latency") != 20_000 ||
		tag(flows[0], "direction") != "outgoing" || tag(flows[0], "dst_ip") != "10.0.0.53" {
		t.Errorf("%+v", flows)
	}
	for _, p := range out.of("netflow") {
		if tag(p, "dst_ip") == "10.0.0.2" && tag(p, "dst_domain") != "web.example" {
			t.Errorf("domain is %q", tag(p, "dst_domain"))
		}
	}
}

func TestTunnel(t *testing.T) {
	cfg := settings()
	out, _ := replayed(t, cfg, func(f *traffic) {
		f.vxlan(7, func() { f.dial("192.168.0.1:41000", "192.168.0.2:80").hangUp() })
	})
	logs := out.of("bpf_net_l4_log")
	if len(logs) != 1 || tag(logs[0], "vxlan_packet") != "true" || tag(logs[0], "vni_id") != "7" || tag(logs[0], "src_ip") != "192.168.0.1" || integer(logs[0], "tx_packets") != 4 {
		t.Errorf("%+v", logs)
	}
	cfg.On.Owns = func(a netip.Addr) bool { return a == addr("10.0.0.1") }
	out, _ = replayed(t, cfg, func(f *traffic) {
		f.vxlan(7, func() { f.dial("192.168.0.1:41000", "192.168.0.2:80").hangUp() })
	})
	if flows := out.of("netflow"); len(flows) != 0 {
		t.Errorf("what an interface carries in a tunnel counts as its own: %+v", flows)
	}
}

// Flows come once per interval, and every byte in exactly one of them.
func TestIntervals(t *testing.T) {
	cfg := settings()
	cfg.Interval = 10 * time.Second
	out, _ := replayed(t, cfg, func(f *traffic) {
		d := f.dial("10.0.0.1:40000", "10.0.0.2:5000")
		for range 7 {
			d.say(true, bytes.Repeat([]byte("x"), 1000))
			f.now += int64(5 * time.Second)
		}
		d.hangUp()
	})
	var written, established, closed int64
	times := map[int64]bool{}
	for _, p := range out.of("netflow") {
		written += integer(p, "bytes_written")
		established += integer(p, "tcp_established")
		closed += integer(p, "tcp_closed")
		times[p.Time] = true
	}
	if written != 7000 || established != 1 || closed != 1 || len(times) != 4 {
		t.Errorf("%d bytes, %d established, %d closed, %d times", written, established, closed, len(times))
	}
}

// The keys that choose flows choose them here too.
func TestKinds(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*plugins.EBPF)
		want string
	}{
		"all":         {func(*plugins.EBPF) {}, "dnsflow httpflow netflow/tcp netflow/udp"},
		"TCP only":    {func(c *plugins.EBPF) { c.L4NetEnabled = []string{"tcp"} }, "dnsflow httpflow netflow/tcp"},
		"UDP only":    {func(c *plugins.EBPF) { c.L4NetEnabled = []string{"udp"} }, "dnsflow httpflow netflow/udp"},
		"no HTTP":     {func(c *plugins.EBPF) { c.L7NetEnabled = []string{} }, "dnsflow netflow/tcp netflow/udp"},
		"no DNS":      {func(c *plugins.EBPF) { c.L7NetDisabled = []string{"dnsflow"} }, "httpflow netflow/tcp netflow/udp"},
		"none at all": {func(c *plugins.EBPF) { c.NetlogMetric = false }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings()
			tc.set(cfg.Program)
			out, _ := replayed(t, cfg, func(f *traffic) {
				exchange(f)
				f.dns("10.0.0.1:5353", "10.0.0.53:53", "a.example", [4]byte{10, 0, 0, 9})
			})
			kinds := map[string]bool{}
			for _, p := range out.pts {
				switch {
				case p.Measurement == "netflow":
					kinds["netflow/"+tag(p, "transport")] = true
				case strings.HasSuffix(p.Measurement, "flow"):
					kinds[p.Measurement] = true
				}
			}
			if got := strings.Join(slices.Sorted(maps.Keys(kinds)), " "); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
