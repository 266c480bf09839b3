package ebpfnet

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// allPoints keeps everything that is fed.
type allPoints struct {
	mu     sync.Mutex
	points []point.Point
}

func (s *allPoints) Feed(_ context.Context, _ point.Category, points []point.Point) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.points = append(s.points, points...)
	return nil
}

// tagged returns the points of a measurement and direction by their tags.
func (s *allPoints) tagged(measurement, direction string) (all []map[string]string, counts []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.points {
		tags := map[string]string{}
		for _, tag := range p.Tags {
			tags[tag.Key] = tag.Value
		}
		if p.Measurement != measurement || tags["direction"] != direction {
			continue
		}
		var count int64
		for _, f := range p.Fields {
			if f.Key == "count" {
				count = f.Value.AsInt()
			}
		}
		all, counts = append(all, tags), append(counts, count)
	}
	return all, counts
}

// goProgram builds the program that serves and asks over TLS, stripped.
func goProgram(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs go: builds a program")
	}
	path := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./tls/testdata/goprogram")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// order starts a program in a namespace and returns how to give it orders.
func (h *host) order(t *testing.T, path string) (pid int, do func(string) string) {
	t.Helper()
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	h.In(t, cmd.Start)
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	answers := bufio.NewReader(stdout)
	return cmd.Process.Pid, func(line string) string {
		t.Helper()
		fmt.Fprintln(stdin, line)
		answer, err := answers.ReadString('\n')
		must(t, err)
		if !strings.HasPrefix(answer, "ok ") {
			t.Fatalf("%s: %s", line, answer)
		}
		return strings.TrimSpace(answer[3:])
	}
}

func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// TestPlaintext: requests under TLS come out as httpflow, with the tags that
// their connection has in netflow; the same in clear is not counted twice.
func TestPlaintext(t *testing.T) {
	w := newWorld(t)
	path := goProgram(t)
	cert, key := selfSigned(t)
	watch := observe(t, w, func(c *plugins.EBPF) { c.L7NetEnabled = []string{"httpflow", "httpflow-tls"} })
	if watch.p.plaintext == nil {
		t.Fatalf("TLS is not observed: hooks %+v", watch.p.Hooks())
	}
	watch.p.env.Interval = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	all := &allPoints{}
	go func() { done <- watch.p.Run(ctx, all) }()
	server, doServer := w.far.order(t, path)
	client, doClient := w.near.order(t, path)
	nettest.Eventually(t, "the programs are found", func() bool { return watch.p.plaintext.Found().Processes >= 2 })
	addr := doServer(fmt.Sprintf("serve %s %s %s", w.far.addr(false, 0), cert, key))
	doClient("get https://" + addr + "/path 100")
	nettest.Eventually(t, "all is reported", func() bool {
		_, out := all.tagged(flow.HTTPName, outgoing)
		_, in := all.tagged(flow.HTTPName, incoming)
		return sum(out) >= 100 && sum(in) >= 100
	})
	cancel()
	must(t, <-done)
	for direction, pid := range map[string]int{outgoing: client, incoming: server} {
		http, counts := all.tagged(flow.HTTPName, direction)
		tcp, _ := all.tagged(flow.Name, direction)
		if sum(counts) != 100 || len(tcp) == 0 {
			t.Fatalf("%s: %d requests, %d connections; want 100, and some", direction, sum(counts), len(tcp))
		}
		for _, tags := range http {
			if fmt.Sprint(tags) != fmt.Sprint(tcp[0]) || tags["pid"] != fmt.Sprint(pid) || tags["process_name"] != "program" {
				t.Errorf("%s\nhttpflow %v\nnetflow  %v", direction, tags, tcp[0])
			}
		}
	}
	must(t, ledger.Check(watch.p.Accounts()))
	found := ""
	for _, h := range watch.p.Hooks() {
		if h.Feature == "tls libraries" {
			found = h.Attach
		}
	}
	if !strings.Contains(found, "1 go, in 2 processes") {
		t.Errorf("hooks say %q", found)
	}
}

func sum(counts []int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}
