package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"datakit.dev/agent/inputs/all"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
)

// What the configuration takes, the client of the backend takes, and the other
// way round: 'datakit check' and a start agree.
func TestConfigurationAndClientAgree(t *testing.T) {
	const x = "http://x"
	for name, tt := range map[string]struct {
		backend config.Backend
		valid   bool
	}{
		"influx2":                   {config.Backend{Kind: "influx2", URL: x, Bucket: "b", Org: "o"}, true},
		"influx2 without org":       {config.Backend{Kind: "influx2", URL: x, Bucket: "b"}, false},
		"influx2 without bucket":    {config.Backend{Kind: "influx2", URL: x, Org: "o"}, false},
		"influx2 with both in URL":  {config.Backend{Kind: "influx2", URL: x + "?bucket=b&orgID=1"}, true},
		"influx2 with org in URL":   {config.Backend{Kind: "influx2", URL: x + "?org=o"}, false},
		"influx1":                   {config.Backend{Kind: "influx1", URL: x, RP: "week"}, true},
		"influx1 without a host":    {config.Backend{Kind: "influx1", URL: "http://"}, false},
		"dataway":                   {config.Backend{Kind: "dataway", URL: x + "?token=t"}, true},
		"dataway of another scheme": {config.Backend{Kind: "dataway", URL: "udp://x"}, false},
		"unknown kind":              {config.Backend{Kind: "influx3", URL: x}, false},
		"client key without cert":   {config.Backend{Kind: "dataway", URL: x, TLS: config.BackendTLS{Key: "k"}}, false},
		"proxy of another scheme":   {config.Backend{Kind: "dataway", URL: x, Proxy: "ftp://p"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := config.DefaultMain()
			m.Backends = []config.Backend{tt.backend}
			if err := m.Validate(); (err == nil) != tt.valid {
				t.Errorf("the configuration says %v", err)
			}
			if mistakes := tryBackends(layout{t.TempDir()}, m); (len(mistakes) == 0) != tt.valid {
				t.Errorf("the client says %v", mistakes)
			}
		})
	}
}

// The keys rp and headers reach the backend.
func TestRetentionPolicyAndHeaders(t *testing.T) {
	got := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	m, _, err := config.ParseMain("f", "[[backends]]\nkind='influx1'\nurl='"+server.URL+"'\ndb='d'\nrp='week'\nheaders = { X-Scope-OrgID = 'a' }\n",
		func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	client, err := dataway.New(target(layout{t.TempDir()}, m.AllBackends()[0], "test"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Post(t.Context(), point.Metric, point.Identity, 1, [][]byte{[]byte("m n=1i 1\n")}); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if q := r.URL.Query(); q.Get("rp") != "week" || q.Get("db") != "d" || r.Header.Get("X-Scope-OrgID") != "a" {
		t.Errorf("%v %v", r.URL, r.Header)
	}
}

// An input of this agent is not one that is only known by name.
func TestNoInputIsCalledUnsupported(t *testing.T) {
	for _, name := range names(all.Factories()) {
		if slices.Contains(config.LaterInputs(), name) {
			t.Errorf("%s is in the list of inputs that are not supported", name)
		}
	}
}
