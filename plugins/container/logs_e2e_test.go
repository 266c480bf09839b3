//go:build e2e

package container

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"golang.org/x/sys/unix"
)

// receiver plays the agent: it keeps the messages it was posted, by source.
type receiver struct {
	t       *testing.T
	mu      sync.Mutex
	got     map[string]map[string]int
	largest int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !strings.HasSuffix(req.URL.Path, "/logging") {
		return
	}
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	text, err := io.ReadAll(body)
	if err != nil { // the sender was killed
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	size := 0
	for d := lineprotocol.NewDecoderWithBytes(text); d.Next(); size++ {
		source, err := d.Measurement()
		if err != nil {
			r.t.Error(err)
			return
		}
		for key, _, err := d.NextTag(); key != nil; key, _, err = d.NextTag() {
			if err != nil {
				r.t.Error(err)
			}
		}
		for key, value, err := d.NextField(); key != nil; key, value, err = d.NextField() {
			if err != nil {
				r.t.Error(err)
			}
			if string(key) == "message" {
				if r.got[string(source)] == nil {
					r.got[string(source)] = map[string]int{}
				}
				r.got[string(source)][value.StringV()]++
			}
		}
	}
	r.largest = max(r.largest, size)
}

func (r *receiver) count(source string) (lines, doubled int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.got[source] {
		doubled += n - 1
	}
	return len(r.got[source]), doubled
}

// TestLogsOverKills: the program itself, killed again and again while a
// container writes, then ended gracefully; the oracle is what the container
// wrote.
func TestLogsOverKills(t *testing.T) {
	d := startContainerd(t)
	program := filepath.Join(d.dir, "datakit-container")
	build := exec.Command("go", "build", "-o", program, "../../externals/datakit-container")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	r := &receiver{t: t, got: map[string]map[string]int{}}
	server := httptest.NewServer(r)
	defer server.Close()
	start := func() (stop func(unix.Signal)) {
		cmd := exec.Command(program, "run", "--datakit-apiserver", strings.TrimPrefix(server.URL, "http://"),
			"--endpoints", d.socket, "--state-dir", d.dir+"/state-dk", "--config", d.dir+"/block.toml")
		var log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return func(s unix.Signal) {
			_ = cmd.Process.Signal(s)
			if err := cmd.Wait(); err != nil && s == unix.SIGTERM {
				t.Errorf("%v\n%s", err, log.String())
			}
		}
	}
	block := "[[inputs.container]]\nlogging_search_interval = \"1s\"\nlogging_file_from_beginning = true\n"
	if err := os.WriteFile(d.dir+"/block.toml", []byte(block), 0o600); err != nil {
		t.Fatal(err)
	}
	const lines, kills = 15000, 5
	file := func(id string) []string { return []string{"--log-uri", "file://" + d.dir + "/" + id + ".log"} }
	d.run("counter", file("counter"), "count", fmt.Sprint(lines), "500")
	d.run("crasher", file("crasher"), "crash", "100") // over before anybody looks
	for i := range kills {
		stop := start()
		time.Sleep(time.Duration(900+i*150) * time.Millisecond)
		stop(unix.SIGKILL)
	}
	stop := start()
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if n, _ := r.count("counter"); n == lines {
			break
		}
	}
	stop(unix.SIGTERM)
	got, doubled := r.count("counter")
	t.Logf("%d of %d lines, %d came twice, largest block %d, %d kills", got, lines, doubled, r.largest, kills)
	if got != lines || doubled > kills*r.largest {
		t.Errorf("%d of %d lines, %d came twice", got, lines, doubled)
	}
	if n, _ := r.count("crasher"); n == 0 {
		t.Error("nothing of the container that crashed")
	}
	// Graceful restarts double nothing.
	for range 3 {
		stop := start()
		time.Sleep(2500 * time.Millisecond)
		stop(unix.SIGTERM)
	}
	if n, again := r.count("counter"); n != lines || again != doubled {
		t.Errorf("after graceful restarts %d lines, %d twice; before %d, %d", n, again, got, doubled)
	}
}
