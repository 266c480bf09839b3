package tls

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"datakit.dev/agent/internal/nettest"
)

// appEnv makes the test binary a program under observation: "server",
// "client".
const appEnv = "TLS_TEST_APP"

// app is a program that takes orders on its standard input, a line each, and
// answers with a line.
type app struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	pid int
}

// start runs a program of the given kind in a namespace; "" is this binary.
func start(t testing.TB, h *nettest.Host, kind, binary string) *app {
	t.Helper()
	if binary == "" {
		binary = "/proc/self/exe"
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), appEnv+"="+kind)
	cmd.Stderr = os.Stderr
	a := &app{t: t, cmd: cmd}
	var err error
	a.in, err = cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	a.out = bufio.NewReader(out)
	h.In(t, cmd.Start)
	a.pid = cmd.Process.Pid
	t.Cleanup(a.stop)
	return a
}

func (a *app) stop() {
	if a.cmd != nil {
		a.in.Close()
		_ = a.cmd.Wait()
		a.cmd = nil
	}
}

func (a *app) do(format string, args ...any) string {
	a.t.Helper()
	fmt.Fprintf(a.in, format+"\n", args...)
	line, err := a.out.ReadString('\n')
	must(a.t, err)
	answer, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "ok ")
	if !ok {
		a.t.Fatalf(format+": %s", append(args, line)...)
	}
	return answer
}

// runApp is the program.
func runApp(string) int {
	a := &application{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer, err := a.obey(strings.Fields(lines.Text()))
		if err != nil {
			fmt.Println("error", err)
		} else {
			fmt.Println("ok", answer)
		}
	}
	return 0
}

type application struct {
	client *http.Client
	health grpc_health_v1.HealthClient
}

func (a *application) obey(o []string) (string, error) {
	switch o[0] {
	case "serve": // address
		return serve(o[1], o[2], o[3])
	case "client": // h1, h2 or short
		a.client = newClient(o[1])
		return "", nil
	case "get": // url, count, parallel; the answer is the median of the latencies, in ns
		n, _ := strconv.Atoi(o[2])
		parallel, _ := strconv.Atoi(o[3])
		return a.get(o[1], n, parallel)
	case "grpc-serve":
		return serveGRPC(o[1], o[2], o[3])
	case "grpc-dial":
		return "", a.dialGRPC(o[1])
	case "grpc-call": // service, "-" for the server itself, and how often
		n, _ := strconv.Atoi(o[2])
		return a.call(strings.TrimPrefix(o[1], "-"), n)
	case "echo": // a server that speaks TLS and something else in it
		return serveEcho(o[1], o[2], o[3])
	case "speak": // address, how often
		n, _ := strconv.Atoi(o[2])
		return "", speak(o[1], n)
	}
	return "", fmt.Errorf("unknown order %q", o)
}

func newClient(kind string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: kind == "h2", DisableKeepAlives: kind == "short",
		MaxIdleConnsPerHost: 64,
	}, Timeout: 20 * time.Second}
}

// get asks for url with a number appended, 0 to 4.
func (a *application) get(url string, n, parallel int) (string, error) {
	var all sync.WaitGroup
	errs := make([]error, parallel)
	latencies := make([]time.Duration, n)
	for worker := range parallel {
		all.Go(func() {
			for i := worker; i < n && errs[worker] == nil; i += parallel {
				latencies[i], errs[worker] = a.ask(url + strconv.Itoa(i%5))
			}
		})
	}
	all.Wait()
	slices.Sort(latencies)
	return fmt.Sprint(latencies[n/2].Nanoseconds()), errors.Join(errs...)
}

// ask returns the time from the request to the first byte of the answer.
func (a *application) ask(url string) (time.Duration, error) {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return 0, err
	}
	var wrote, first atomic.Int64 // the transport's goroutines set them
	response, err := a.client.Do(request.WithContext(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		WroteRequest:         func(httptrace.WroteRequestInfo) { wrote.Store(time.Now().UnixNano()) },
		GotFirstResponseByte: func() { first.Store(time.Now().UnixNano()) },
	})))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return time.Duration(first.Load() - wrote.Load()), err
}

// slowness is how long a slow answer takes.
const slowness = 20 * time.Millisecond

// serve answers /<anything>/<status>/<bytes>/….
func serve(addr, cert, key string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: http.HandlerFunc(handle), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.ServeTLS(l, cert, key) }()
	return l.Addr().String(), nil
}

// serveEcho sends back what it gets.
func serveEcho(addr, cert, key string) (string, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return "", err
	}
	l, err := tls.Listen("tcp", addr, &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return "", err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String(), nil
}

// speak says something that is no HTTP, and hears it.
func speak(addr string, n int) error {
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	defer c.Close()
	line := []byte("* OK [CAPABILITY IMAP4rev1] ready, 64 bytes of something else\r\n")
	for range n {
		if _, err := c.Write(line); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, make([]byte, len(line))); err != nil {
			return err
		}
	}
	return nil
}

func handle(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	if len(parts) < 4 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	status, _ := strconv.Atoi(parts[2])
	size, _ := strconv.Atoi(parts[3])
	if parts[1] == "slow" {
		time.Sleep(slowness)
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_, _ = w.Write(make([]byte, size))
	}
}

// certificate writes a key pair for the addresses of a world.
func certificate(t testing.TB) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "far"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(nettest.FarV4), net.ParseIP(nettest.FarV6)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o644))
	return cert, key
}
