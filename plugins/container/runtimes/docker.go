package runtimes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"datakit.dev/agent/plugins/container/logs"
)

// errNotDocker says that something else listens on a socket.
var errNotDocker = errors.New("does not speak the Docker API")

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// docker speaks the Docker Engine API (v1.24 and later), which Podman has too.
type docker struct {
	http    *http.Client
	name    string // "docker" or "podman"
	version string
	watch   *dockerWatch
	known   map[string]answer // by container
}

// answer is what was said about one container.
type answer struct {
	inspected
	state string // in the list that it was asked for
	at    time.Time
}

// trust is how long an answer is taken to hold although no event was heard.
const trust = 5 * time.Minute

// dialDocker connects to a socket and asks who is there.
func dialDocker(ctx context.Context, socket string) (*docker, error) {
	d := &docker{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		MaxIdleConns: 1, IdleConnTimeout: time.Minute, DisableCompression: true,
	}}}
	if err := d.ask(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", socket, errNotDocker), err, d.Close())
	}
	d.watch = watchDocker(d.http)
	return d, nil
}

// ask asks who is there.
func (d *docker) ask(ctx context.Context) error {
	var v struct {
		Version    string
		APIVersion string `json:"ApiVersion"`
		Components []struct{ Name string }
	}
	if err := d.get(ctx, "/version", &v); err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	if v.APIVersion == "" {
		return errors.New("no API version in the answer")
	}
	d.name, d.version = "docker", v.Version
	for _, c := range v.Components {
		if strings.HasPrefix(c.Name, "Podman") {
			d.name = "podman"
		}
	}
	return nil
}

// Close implements client.
func (d *docker) Close() error {
	if d.watch != nil {
		d.watch.stream.close()
	}
	d.http.CloseIdleConnections()
	return nil
}

// get asks for path and decodes the answer.
func (d *docker) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker"+path, nil)
	if err != nil {
		return err
	}
	resp, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body := io.LimitReader(resp.Body, maxAnswer)
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(body, 256))
		return &statusError{code: resp.StatusCode, text: strings.TrimSpace(string(text))}
	}
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	_, _ = io.Copy(io.Discard, body) // so that the connection can be used again
	return nil
}

// statusError is an answer other than 200.
type statusError struct {
	code int
	text string
}

// Error implements error.
func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.code, e.text) }

// List returns the containers, also those that do not run. The details, which
// hold pid and log file, take one more request for each container that is new
// or has changed.
func (d *docker) List(ctx context.Context) ([]Container, error) {
	changed, every := d.watch.take()
	if every { // it may have been replaced by a newer one behind the same socket
		d.known = nil
		if err := d.ask(ctx); err != nil {
			return nil, err
		}
	}
	for id := range changed {
		delete(d.known, id)
	}
	var found []struct {
		ID    string `json:"Id"`
		State string
	}
	if err := d.get(ctx, "/containers/json?all=1", &found); err != nil {
		return nil, fmt.Errorf("list containers of %s: %w", d.name, err)
	}
	var all []Container
	known := d.known
	d.known = make(map[string]answer, len(found))
	now := time.Now()
	for _, f := range found {
		a, ok := known[f.ID]
		if !ok || a.state != f.State || now.Sub(a.at) >= trust {
			a = answer{state: f.State, at: now}
			err := d.get(ctx, "/containers/"+url.PathEscape(f.ID)+"/json", &a.inspected)
			var status *statusError
			if errors.As(err, &status) && status.code == http.StatusNotFound {
				continue // removed meanwhile
			}
			if err != nil {
				return nil, fmt.Errorf("inspect container %s of %s: %w", f.ID, d.name, err)
			}
		}
		d.known[f.ID] = a
		all = append(all, d.container(a.inspected))
	}
	return all, nil
}

// inspected is what is used of the answer of /containers/{id}/json.
type inspected struct {
	ID      string `json:"Id"`
	Name    string
	Created time.Time
	LogPath string
	State   struct {
		Status  string
		Running bool
		Pid     int

		OOMKilled  bool
		FinishedAt time.Time
	}
	Config struct {
		Image  string
		Labels map[string]string
	}
	HostConfig struct {
		LogConfig struct {
			Type   string
			Config map[string]string
		}
	}
}

func (d *docker) container(in inspected) Container {
	c := Container{
		ID: in.ID, Name: strings.TrimPrefix(in.Name, "/"), Image: in.Config.Image,
		State: in.State.Status, Running: in.State.Running, PID: in.State.Pid, Created: in.Created,
		Runtime: d.name, Version: d.version, Labels: in.Config.Labels,
	}
	switch log := in.HostConfig.LogConfig; {
	case d.name == "docker" && log.Type == "json-file":
		c.LogPath, c.LogFormat = in.LogPath, logs.Docker
	case d.name == "podman" && (log.Type == "k8s-file" || log.Type == "json-file"): // two names of one format
		c.LogPath, c.LogFormat = in.LogPath, logs.CRI
	}
	if in.State.OOMKilled {
		c.OOM = in.State.FinishedAt
	}
	c.fromLabels()
	return c
}
