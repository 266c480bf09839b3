package runtimes

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/plugins/container/logs"
)

// serve answers on a socket like a Docker Engine; paths without an answer are
// 404.
func serve(t *testing.T, answers map[string]string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "dk") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", dir+"/d.sock")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.RequestURI()]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprint(w, text)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done; _ = os.RemoveAll(dir) })
	return dir + "/d.sock"
}

const inspectWeb = `{"Id":"a","Name":"/web","Created":"2026-01-02T03:04:05.6Z","LogPath":"/var/lib/docker/containers/a/a-json.log",
"State":{"Status":"running","Running":true,"Pid":42},"Config":{"Image":"nginx:1","Labels":{"io.kubernetes.pod.name":"p"}},
"HostConfig":{"LogConfig":{"Type":"%s","Config":{}}}}`

func TestDocker(t *testing.T) {
	for _, tt := range []struct {
		name, version, driver, runtime, path string
		format                               logs.Format
	}{
		{"docker", `{"Version":"27.0","ApiVersion":"1.46","Components":[{"Name":"Engine"}]}`, "json-file", "docker", "/var/lib/docker/containers/a/a-json.log", logs.Docker},
		{"docker without files", `{"Version":"27.0","ApiVersion":"1.46"}`, "journald", "docker", "", logs.Raw},
		{"podman", `{"Version":"4.3","ApiVersion":"1.41","Components":[{"Name":"Podman Engine"}]}`, "k8s-file", "podman", "/var/lib/docker/containers/a/a-json.log", logs.CRI},
	} {
		t.Run(tt.name, func(t *testing.T) {
			socket := serve(t, map[string]string{
				"/version": tt.version, "/containers/json?all=1": `[{"Id":"a"},{"Id":"removed"}]`,
				"/containers/a/json": fmt.Sprintf(inspectWeb, tt.driver),
			})
			set := NewSet(hostfs.Root{}, []string{socket})
			defer func() { _ = set.Close() }()
			for range 2 {
				all, answered, err := set.List(t.Context())
				if err != nil || answered != 1 || len(all) != 1 {
					t.Fatalf("got %+v, %d answered, %v", all, answered, err)
				}
				c := all[0]
				if c.Name != "web" && c.RuntimeName != "web" || c.PID != 42 || !c.Running || c.Created.Year() != 2026 || c.PodName != "p" ||
					c.Runtime != tt.runtime || c.LogPath != tt.path || c.LogFormat != tt.format {
					t.Errorf("got %+v", c)
				}
			}
		})
	}
}

// A socket that speaks neither is named, with both reasons.
func TestUnknownSocket(t *testing.T) {
	socket := serve(t, nil)
	set := NewSet(hostfs.Root{}, []string{socket})
	if _, answered, err := set.List(t.Context()); answered != 0 || err == nil || !strings.Contains(err.Error(), socket) {
		t.Errorf("%d answered, %v", answered, err)
	}
}

func TestBrokenAnswers(t *testing.T) {
	socket := serve(t, map[string]string{"/version": `{"ApiVersion":"1"}`, "/containers/json?all=1": `[{"Id":"a"}`})
	set := NewSet(hostfs.Root{}, []string{socket})
	defer func() { _ = set.Close() }()
	if _, _, err := set.List(t.Context()); err == nil || !strings.Contains(err.Error(), "list containers") {
		t.Errorf("error %v", err)
	}
}

// A kill for want of memory is told once, also by a runtime that keeps it with
// the container, and not when it was before anybody asked.
func TestOOMIsToldOnce(t *testing.T) {
	const inspect = `{"Id":"%s","Name":"/web","State":{"Status":"exited","OOMKilled":%v,"FinishedAt":"%s"}}`
	late, later, early := "2126-01-02T03:04:05Z", "2126-01-02T03:05:00Z", "2006-01-02T03:04:05Z"
	answers := map[string]string{
		"/version": `{"ApiVersion":"1.46"}`, "/containers/json?all=1": `[{"Id":"new"},{"Id":"old"},{"Id":"other"}]`,
		"/containers/new/json": fmt.Sprintf(inspect, "new", true, late), "/containers/old/json": fmt.Sprintf(inspect, "old", true, early),
		"/containers/other/json": fmt.Sprintf(inspect, "other", false, late),
	}
	set := NewSet(hostfs.Root{}, []string{serve(t, answers)})
	defer func() { _ = set.Close() }()
	told := func() (ids string) {
		t.Helper()
		all, _, err := set.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if !c.OOM.IsZero() {
				ids += c.ID + " "
			}
		}
		return ids
	}
	if first, second := told(), told(); first != "new " || second != "" {
		t.Errorf("told %q, then %q", first, second)
	}
	answers["/containers/new/json"] = fmt.Sprintf(inspect, "new", true, later)
	if third, fourth := told(), told(); third != "new " || fourth != "" {
		t.Errorf("killed again: told %q, then %q", third, fourth)
	}
}
