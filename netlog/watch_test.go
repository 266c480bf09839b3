package netlog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/pcap"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve answers HTTP requests on the far host until the test ends.
func serve(t *testing.T, w *nettest.World, port int) {
	t.Helper()
	for _, at := range []string{w.Far.V4, w.Far.V6} {
		var l net.Listener
		w.Far.In(t, func() (err error) {
			l, err = net.Listen("tcp", net.JoinHostPort(at, fmt.Sprint(port)))
			return err
		})
		var all sync.WaitGroup
		all.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				all.Go(func() {
					defer c.Close()
					b := make([]byte, 4096)
					for {
						n, err := c.Read(b)
						if err != nil {
							return
						}
						body := strings.Repeat("y", 3000*bytes.Count(b[:n], []byte("GET ")))
						fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
					}
				})
			}
		})
		t.Cleanup(func() { l.Close(); all.Wait() })
	}
}

// browse makes connections with some exchanges each, from the near host.
func browse(t *testing.T, w *nettest.World, port, conns, exchanges int) {
	t.Helper()
	for i := range conns {
		at := w.Far.V4
		if i%3 == 2 {
			at = w.Far.V6
		}
		var c net.Conn
		w.Near.In(t, func() (err error) {
			c, err = net.Dial("tcp", net.JoinHostPort(at, fmt.Sprint(port)))
			return err
		})
		b := make([]byte, 8192)
		for j := range exchanges {
			fmt.Fprintf(c, "GET /page/%d HTTP/1.1\r\nHost: h\r\n\r\n", j)
			for got := 0; got < 3000; {
				n, err := c.Read(b)
				must(t, err)
				got += n
			}
		}
		must(t, c.Close())
	}
}

// TestLiveAndOffLine captures the same traffic with Watch and with tcpdump:
// what Watch kept gives the same lines, what tcpdump saw the same but for
// times.
func TestLiveAndOffLine(t *testing.T) {
	w := nettest.New(t)
	serve(t, w, 8080)
	file, stopDump := w.Near.Tcpdump(t, "-s", "2048")

	var kept bytes.Buffer
	cfg := settings()
	var err error
	cfg.Keep, err = pcap.NewWriter(&kept, "test")
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	live := &collected{}
	var accounts []ledger.Account
	var on Interface
	watched := make(chan struct{})
	opened := make(chan struct{})
	go func() {
		defer close(watched)
		w.Near.In(t, func() (err error) {
			device, err := net.InterfaceByName(w.Near.Name)
			if err != nil {
				return err
			}
			if on, err = describe(device); err != nil {
				return err
			}
			time.AfterFunc(200*time.Millisecond, func() { close(opened) })
			accounts, err = Watch(ctx, w.Near.Name, cfg, live)
			return err
		})
	}()
	<-opened
	const conns, exchanges = 30, 4
	browse(t, w, 8080, conns, exchanges)
	time.Sleep(200 * time.Millisecond)
	stop()
	<-watched
	must(t, stopDump())

	must(t, ledger.Check(accounts))
	if dropped := entry(t, accounts, "packets", "dropped", "ring_full"); dropped != 0 {
		t.Errorf("%d packets were dropped", dropped)
	}
	if n := tcpConnections(live); n != conns {
		t.Errorf("%d connections are logged, %d were opened", n, conns)
	}
	if n := len(live.of("bpf_net_l7_log")); n != conns*exchanges {
		t.Errorf("%d exchanges are logged, want %d", n, conns*exchanges)
	}

	cfg.Keep, cfg.On = nil, on
	again := &collected{}
	_, err = Replay(t.Context(), &kept, cfg, again)
	must(t, err)
	if a, b := sorted(live.lines), sorted(again.lines); a != b {
		t.Errorf("live and off line differ:\n%s", difference(a, b))
	}

	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	dumped := &collected{}
	_, err = Replay(t.Context(), f, cfg, dumped)
	must(t, err)
	if a, b := timeless(t, live), timeless(t, dumped); a != b {
		t.Errorf("live and tcpdump differ:\n%s", difference(a, b))
	}
}

func tcpConnections(c *collected) int {
	ids := map[string]bool{}
	for _, p := range c.of("bpf_net_l4_log") {
		if tag(p, "l4_proto") == "tcp" {
			ids[tag(p, "inner_traceid")] = true
		}
	}
	return len(ids)
}

func sorted(lines []byte) string {
	all := strings.Split(string(lines), "\n")
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// difference is the first lines that only one has.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	only := func(these, those []string) string {
		rest := slices.DeleteFunc(slices.Clone(these), func(l string) bool { return slices.Contains(those, l) })
		return fmt.Sprintf("%d of %d lines: %.1500q", len(rest), len(these), append(rest, "")[0])
	}
	return only(x, y) + "\n" + only(y, x)
}

// timeless is the log points without what depends on when exactly a packet
// was seen.
func timeless(t *testing.T, c *collected) string {
	t.Helper()
	stamps := regexp.MustCompile(`"time_pos":\d+|,\d+\]`)
	var all []string
	for _, p := range c.pts {
		if !strings.HasPrefix(p.Measurement, "bpf_net") || !strings.HasPrefix(tag(p, "l4_proto"), "tcp") {
			continue
		}
		var b strings.Builder
		for _, x := range p.Tags {
			if x.Key != "inner_traceid" {
				fmt.Fprintf(&b, "%s=%s ", x.Key, x.Value)
			}
		}
		for _, x := range p.Fields {
			switch {
			case x.Value.Kind() == point.KindFloat: // round trips and costs
			case x.Key == "message":
				if !json.Valid([]byte(x.Value.AsString())) {
					t.Errorf("message is no JSON: %s", x.Value.AsString())
				}
				fmt.Fprintf(&b, "message=%s ", stamps.ReplaceAllString(x.Value.AsString(), ""))
			default:
				fmt.Fprintf(&b, "%s=%d%s ", x.Key, x.Value.AsInt(), x.Value.AsString())
			}
		}
		all = append(all, b.String())
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
