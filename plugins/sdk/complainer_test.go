package sdk

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"datakit.dev/agent/plugins"
)

func TestComplainer(t *testing.T) {
	var got []map[string]string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e map[string]string
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.URL.Path != "/v1/lasterror" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		got = append(got, e)
		w.WriteHeader(status)
	}))
	defer server.Close()
	c := newComplainer(server.URL, "datakit-ebpf")
	defer c.client.CloseIdleConnections()

	good := plugins.State{Name: "good", Phase: plugins.PhaseRunning}
	bad := plugins.State{Name: "bad", Phase: plugins.PhaseFailed, Error: "load: no BTF"}
	steps := []struct {
		name   string
		status int
		states []plugins.State
		posts  int
	}{
		{"all is well", 200, []plugins.State{good}, 0},
		{"not taken", 503, []plugins.State{good, bad}, 1},
		{"again", 200, []plugins.State{good, bad}, 2},
		{"known already", 200, []plugins.State{good, bad}, 2},
		{"mended", 200, []plugins.State{good, {Name: "bad", Phase: plugins.PhaseRunning}}, 2},
		{"broken again", 200, []plugins.State{good, bad}, 3},
	}
	for _, s := range steps {
		status = s.status
		c.tell(t.Context(), s.states)
		if len(got) != s.posts {
			t.Fatalf("%s: %d posts, want %d", s.name, len(got), s.posts)
		}
	}
	want := map[string]string{"input": "datakit-ebpf", "source": "bad", "err_content": "load: no BTF"}
	if slices.ContainsFunc(got, func(e map[string]string) bool {
		return len(e) != 3 || e["input"] != want["input"] || e["source"] != want["source"] || e["err_content"] != want["err_content"]
	}) {
		t.Errorf("posted %v, want %v", got, want)
	}
}
