package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

const capture = "../../netlog/track/testdata/life.pcap"

// netlogRun runs the command and returns what it wrote.
func netlogRun(t *testing.T, stdin io.Reader, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	c := netlogCommand()
	c.SetArgs(args)
	c.SetIn(stdin)
	c.SetOut(&out)
	c.SetErr(&errs)
	c.SilenceUsage, c.SilenceErrors = true, true
	err = c.ExecuteContext(t.Context())
	return out.String(), errs.String(), err
}

// measurements counts the lines by measurement, with a decoder that is not
// ours.
func measurements(t *testing.T, lines string) map[string]int {
	t.Helper()
	n := map[string]int{}
	d := lineprotocol.NewDecoderWithBytes([]byte(lines))
	for d.Next() {
		m, err := d.Measurement()
		if err != nil {
			t.Fatal(err)
		}
		n[string(m)]++
		for {
			key, _, err := d.NextTag()
			if err != nil {
				t.Fatal(err)
			}
			if key == nil {
				break
			}
		}
		for {
			key, _, err := d.NextField()
			if err != nil {
				t.Fatal(err)
			}
			if key == nil {
				break
			}
		}
	}
	return n
}

func TestNetlogPrints(t *testing.T) {
	out, summary, err := netlogRun(t, nil, "--read", capture, "--tags", "a=b", "--hostname", "h1")
	if err != nil {
		t.Fatal(err)
	}
	n := measurements(t, out)
	if n["bpf_net_l4_log"] != 9 || n["netflow"] == 0 || n["bpf_net_l7_log"] != 1 {
		t.Errorf("%v", n)
	}
	for line := range strings.Lines(out) {
		if !strings.Contains(line, ",a=b") || !strings.Contains(line, ",host=h1") {
			t.Errorf("tags are missing in %s", line)
		}
	}
	if !strings.Contains(summary, "packets: received=143 tracked=143") || !strings.Contains(summary, "connections: opened=9 ended(reused)=3 ended(stopped)=6") {
		t.Errorf("the summary is %s", summary)
	}
	again, _, err := netlogRun(t, nil, "--read", capture, "--tags", "a=b", "--hostname", "h1", "--summary=false")
	if err != nil || again != out {
		t.Errorf("the second time differs, %v", err)
	}
}

func TestNetlogStandardInput(t *testing.T) {
	raw, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "kept.pcapng")
	a, _, err := netlogRun(t, bytes.NewReader(raw), "--read", "-", "--write", kept, "--nic-name", "eth7", "--local-addrs", "10.91.0.2, fd91::2", "--netlog-metric=false")
	if err != nil {
		t.Fatal(err)
	}
	if n := measurements(t, a); n["netflow"] != 0 || n["bpf_net_l4_log"] != 9 || !strings.Contains(a, "direction=incoming") || !strings.Contains(a, "nic_name=eth7") {
		t.Errorf("%v", n)
	}
	b, _, err := netlogRun(t, nil, "--read", kept, "--netlog-metric=false")
	if err != nil || a != b {
		t.Errorf("what was kept reads differently, %v", err)
	}
}

func TestNetlogPosts(t *testing.T) {
	var mu sync.Mutex
	posted := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		raw, _ := io.ReadAll(body)
		mu.Lock()
		defer mu.Unlock()
		for m, n := range measurements(t, string(raw)) {
			posted[r.URL.Path+" "+m] += n
		}
	}))
	defer server.Close()
	out, _, err := netlogRun(t, nil, "--read", capture, "--datakit-apiserver", server.URL)
	if err != nil || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	if posted["/v1/write/logging bpf_net_l4_log"] != 9 || posted["/v1/write/network netflow"] == 0 {
		t.Errorf("posted %v", posted)
	}
}

// A rule that may mean something else is used, with a warning.
func TestNetlogWarnings(t *testing.T) {
	_, stderr, err := netlogRun(t, strings.NewReader(""), "--read", capture, "--netlog-blacklist", "tcp || udp && ipv6")
	if err != nil || !strings.Contains(stderr, "warning: --netlog-blacklist: rule:1:1: && and || have one level") {
		t.Errorf("%v, %s", err, stderr)
	}
}

func TestNetlogMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"nothing":   {nil, "read"},
		"both":      {[]string{"--read", "x", "--interface", "y"}, "read"},
		"no file":   {[]string{"--read", "/nowhere"}, "open --read: open /nowhere"},
		"no nic":    {[]string{"--interface", "nic0", "--duration", "1ms"}, "capture from nic0"},
		"MAC":       {[]string{"--read", capture, "--nic-mac", "x"}, `--nic-mac "x"`},
		"address":   {[]string{"--read", capture, "--local-addrs", "10.0.0"}, `--local-addrs "10.0.0"`},
		"rule":      {[]string{"--read", capture, "--netlog-blacklist", "tcp &&"}, "--netlog-blacklist: rule:1:"},
		"length":    {[]string{"--read", capture, "--snap-length", "1"}, "snap_length 1"},
		"no format": {[]string{"--read", "netlog_test.go"}, "read capture"},
		"write":     {[]string{"--read", capture, "--write", "/nowhere/x"}, "create --write"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := netlogRun(t, nil, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
		})
	}
}
