//go:build prove

package ingest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
)

// peer is a program that takes line protocol and forwards it to a sink.
type peer struct {
	name  string
	start func(t *testing.T, dir, listen, sink string) *exec.Cmd
	ready string // path that answers 2xx when the program can take points
	write string // path and query of writes in nanoseconds
}

func peers() []peer {
	return []peer{
		{name: "datakit", start: startDatakit, ready: "/v1/ping", write: "/v1/write/network?precision=n"},
		{name: "vmagent", start: startVmagent, ready: "/health", write: "/write?db=bench"},
	}
}

func startDatakit(t *testing.T, dir, listen, sink string) *exec.Cmd {
	t.Helper()
	conf := filepath.Join(dir, "conf.d")
	if err := os.MkdirAll(conf, 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("enable_pprof = false\n[http_api]\nlisten = %q\n[[backends]]\nname = \"sink\"\nkind = \"influx2\"\nurl = %q\nbucket = \"bench\"\norg = \"bench\"\n", listen, sink)
	if err := os.WriteFile(filepath.Join(conf, "datakit.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	binary, err := filepath.Abs("../../bin/datakit")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("%v: run `make build` first", err)
	}
	return exec.Command(binary, "run", "--home", dir)
}

func startVmagent(t *testing.T, dir, listen, sink string) *exec.Cmd {
	t.Helper()
	binary, err := exec.LookPath("vmagent")
	if err != nil {
		t.Fatalf("%v: it is in Debian's package victoria-metrics", err)
	}
	return exec.Command(binary, "-httpListenAddr="+listen, "-remoteWrite.url="+sink+"/api/v1/write",
		"-remoteWrite.tmpDataPath="+filepath.Join(dir, "queue"), "-influxTrimTimestamp=1ms")
}

// running is a started peer.
type running struct {
	peer
	cmd    *exec.Cmd
	url    string
	output string // path of what it printed
}

// run starts the peer and waits until it is ready. It is ended with the test.
func (p peer) run(t *testing.T, sink string) *running {
	t.Helper()
	dir, listen := t.TempDir(), nettest.FreeAddress(t)
	cmd := p.start(t, dir, listen, sink)
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{peer: p, cmd: cmd, url: "http://" + listen, output: out.Name()}
	t.Cleanup(r.stop)

	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for {
		response, err := http.Get(r.url + p.ready)
		if err == nil {
			response.Body.Close()
			if response.StatusCode/100 == 2 {
				return r
			}
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(r.output)
			t.Fatalf("%s is not ready after 15 s: %v\n%s", p.name, err, text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (r *running) stop() {
	r.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.cmd.Wait()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		r.cmd.Process.Kill()
		<-done
	}
}
