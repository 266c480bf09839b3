package httpapi

import (
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Clients that announce large bodies and send little of them do not keep
// others out.
func TestStalledBodiesLeaveRoom(t *testing.T) {
	cfg := testConfig(&recorder{})
	cfg.MaxBody = 32 << 20
	api := newTestAPI(t, cfg)
	var all sync.WaitGroup
	var ends []*io.PipeWriter
	for range 8 {
		body, in := io.Pipe()
		ends = append(ends, in)
		r := httptest.NewRequest("POST", "/v1/write/metric", body)
		r.RemoteAddr, r.ContentLength = "127.0.0.1:1", cfg.MaxBody
		all.Go(func() { do(api, r) })
		if _, err := in.Write([]byte("m f=1")); err != nil { // taken: its room is reserved
			t.Fatal(err)
		}
	}
	r := httptest.NewRequest("POST", "/v1/write/metric", strings.NewReader("m f=1 1700000000000000000\n"))
	r.RemoteAddr = "127.0.0.1:2"
	if reply := do(api, r); reply.StatusCode != 200 {
		t.Errorf("status %d: %s", reply.StatusCode, text(t, reply))
	}
	for _, in := range ends {
		in.CloseWithError(io.ErrUnexpectedEOF)
	}
	all.Wait()
	if !api.bodies.space.TryAcquire(api.bodies.total) {
		t.Error("room for bodies was not given back")
	}
}

// A large body whose length is known arrives whole, through a buffer that
// grows.
func TestLargeBodyGrows(t *testing.T) {
	w := &recorder{}
	cfg := testConfig(w)
	cfg.MaxBody = 32 << 20
	api := newTestAPI(t, cfg)
	line := "m f=1 1700000000000000000\n"
	sent := strings.Repeat(line, 5<<20/len(line))
	r := httptest.NewRequest("POST", "/v1/write/metric", strings.NewReader(sent))
	r.RemoteAddr = "127.0.0.1:1"
	if reply := do(api, r); reply.StatusCode != 200 {
		t.Fatalf("status %d: %s", reply.StatusCode, text(t, reply))
	}
	if got := w.all(); len(got) != 1 || got[0].text != sent {
		t.Errorf("%d bodies; content differs", len(got))
	}
	r = httptest.NewRequest("POST", "/v1/write/metric", strings.NewReader(sent))
	r.RemoteAddr, r.ContentLength = "127.0.0.1:1", 2<<20
	if reply := do(api, r); reply.StatusCode != 413 {
		t.Errorf("more than was announced: status %d", reply.StatusCode)
	}
}
