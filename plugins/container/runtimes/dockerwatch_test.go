package runtimes

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// engine is a Docker Engine that counts how often it is asked for details.
type engine struct {
	mu       sync.Mutex
	pid      int
	asked    map[string]int
	streams  int
	events   chan string // "" breaks the stream
	refusing bool        // to stream events
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch r.URL.Path {
	case "/version":
		_, _ = fmt.Fprint(w, `{"Version":"27.0","ApiVersion":"1.46"}`)
	case "/containers/json":
		_, _ = fmt.Fprint(w, `[{"Id":"a","State":"running"},{"Id":"b","State":"running"}]`)
	case "/containers/a/json", "/containers/b/json":
		id := r.URL.Path[len("/containers/"):][:1]
		e.asked[id]++
		_, _ = fmt.Fprintf(w, `{"Id":%q,"State":{"Status":"running","Running":true,"Pid":%d}}`, id, e.pid)
	case "/events":
		if e.refusing {
			http.Error(w, "no events here", http.StatusInternalServerError)
			return
		}
		e.streams++
		w.(http.Flusher).Flush()
		e.mu.Unlock()
		defer e.mu.Lock()
		for {
			select {
			case text := <-e.events:
				if text == "" {
					return
				}
				_, _ = fmt.Fprintln(w, text)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
}

// set serves the engine and returns how to list: the pids by container, and
// how many were asked for.
func (e *engine) set(t *testing.T) (list func() (pids map[string]int, asked int)) {
	t.Helper()
	e.asked, e.events = map[string]int{}, make(chan string)
	dir, err := os.MkdirTemp("", "dk") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", dir+"/d.sock")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: e}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	set := NewSet(hostfs.Root{}, []string{dir + "/d.sock"})
	t.Cleanup(func() { _ = set.Close(); _ = s.Close(); <-done; _ = os.RemoveAll(dir) })
	return func() (map[string]int, int) {
		t.Helper()
		before := e.total()
		all, _, err := set.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pids := map[string]int{}
		for _, c := range all {
			pids[c.ID] = c.PID
		}
		return pids, e.total() - before
	}
}

func (e *engine) total() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked["a"] + e.asked["b"]
}

// until lists until as many are asked for as wanted.
func until(t *testing.T, want int, list func() (map[string]int, int)) map[string]int {
	t.Helper()
	asked := -1
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var pids map[string]int
		if pids, asked = list(); asked == want {
			return pids
		}
	}
	t.Fatalf("%d containers are asked for, want %d", asked, want)
	return nil
}

// A container is asked for once, and again when an event says that it
// changed: one that was restarted is "running" before and after.
func TestDockerIsAskedForWhatChanged(t *testing.T) {
	e := &engine{pid: 1}
	list := e.set(t)
	until(t, 0, list) // since the stream is open
	e.events <- `{"Type":"container","Action":"exec_create: /bin/true","Actor":{"ID":"a"}}`
	e.events <- `{"Type":"container","Action":"health_status: healthy","Actor":{"ID":"a"}}`
	e.mu.Lock()
	e.pid = 2
	e.mu.Unlock()
	e.events <- `{"Type":"container","Action":"start","Actor":{"ID":"b"}}`
	if pids := until(t, 1, list); pids["a"] != 1 || pids["b"] != 2 {
		t.Errorf("pids %v, want that of b alone to be new", pids)
	}

	// What happened while nobody listened is not known.
	e.mu.Lock()
	e.pid, e.refusing = 3, true
	e.mu.Unlock()
	e.events <- ""
	if pids := until(t, 2, list); pids["a"] != 3 || pids["b"] != 3 {
		t.Errorf("pids %v after the stream broke", pids)
	}
	if _, asked := list(); asked != 2 {
		t.Errorf("%d asked for without events, want both", asked)
	}
	e.mu.Lock()
	e.refusing = false
	e.mu.Unlock()
	until(t, 0, list)
	if e.mu.Lock(); e.streams != 2 {
		t.Errorf("%d streams, want 2", e.streams)
	}
	e.mu.Unlock()
}

// More changes than are remembered are all changes.
func TestDockerWatchIsBounded(t *testing.T) {
	w := &dockerWatch{changed: map[string]bool{}}
	w.connect(true)
	if _, all := w.take(); !all {
		t.Error("what was before the stream is taken to be known")
	}
	for i := range maxChanged + 1 {
		w.note(fmt.Sprint(i))
	}
	if changed, all := w.take(); !all || len(changed) != 0 {
		t.Errorf("%d changed, all %v", len(changed), all)
	}
	if w.note("x"); len(w.changed) != 1 {
		t.Error("nothing is noted any more")
	}
}
