package runtimes

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/plugins/container/logs"
)

// crio answers like CRI-O: with CRI alone.
type crio struct {
	cri.UnimplementedRuntimeServiceServer
	mu         sync.Mutex
	containers []*cri.Container
	statuses   map[string]*cri.ContainerStatusResponse
	asked      int
	broken     error
}

func (c *crio) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{RuntimeName: "cri-o", RuntimeVersion: "1.31.0"}, nil
}

func (c *crio) ListPodSandbox(context.Context, *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	return &cri.ListPodSandboxResponse{Items: []*cri.PodSandbox{{
		Id: "box", Metadata: &cri.PodSandboxMetadata{Name: "web-1", Namespace: "shop", Uid: "u1"},
		Annotations: map[string]string{"datakit/logs": `[{"source":"s"}]`},
	}}}, nil
}

func (c *crio) ListContainers(context.Context, *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &cri.ListContainersResponse{Containers: c.containers}, c.broken
}

func (c *crio) ContainerStatus(_ context.Context, r *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if s := c.statuses[r.GetContainerId()]; s != nil && r.GetVerbose() {
		return s, nil
	}
	return nil, status.Error(codes.NotFound, "no such container")
}

// set changes a container and its status.
func (c *crio) set(id string, state cri.ContainerState, change func(*cri.Container, *cri.ContainerStatusResponse)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	listed := &cri.Container{Id: id, PodSandboxId: "box", State: state, CreatedAt: 1_000_000_000, Image: &cri.ImageSpec{Image: "sha256:abc"},
		Metadata: &cri.ContainerMetadata{Name: "app"}}
	answer := &cri.ContainerStatusResponse{
		Status: &cri.ContainerStatus{Id: id, State: state, LogPath: "/var/log/pods/x/app/0.log", Image: &cri.ImageSpec{Image: "quay.io/a/app:2"}},
		Info:   map[string]string{"info": `{"sandboxID":"box","pid":77,"runtimeSpec":{}}`},
	}
	if change != nil {
		change(listed, answer)
	}
	c.containers = append(slices.DeleteFunc(c.containers, func(o *cri.Container) bool { return o.Id == id }), listed)
	c.statuses[id] = answer
}

func (c *crio) serve(t *testing.T) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "dk") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", dir+"/c.sock")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	cri.RegisterRuntimeServiceServer(s, c)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-done; _ = os.RemoveAll(dir) })
	return dir + "/c.sock"
}

// list asks a set of one runtime for its containers, by id.
func list(t *testing.T, set *Set) map[string]Container {
	t.Helper()
	all, answered, err := set.List(t.Context())
	if err != nil || answered != 1 {
		t.Fatalf("%d answered, %v", answered, err)
	}
	byID := map[string]Container{}
	for _, c := range all {
		byID[c.ID] = c
	}
	return byID
}

func TestCRI(t *testing.T) {
	c := &crio{statuses: map[string]*cri.ContainerStatusResponse{}}
	c.set("bare", cri.ContainerState_CONTAINER_RUNNING, nil)
	c.set("kubelet", cri.ContainerState_CONTAINER_RUNNING, func(l *cri.Container, _ *cri.ContainerStatusResponse) {
		l.Image.UserSpecifiedImage = "nginx:1"
		l.Labels = map[string]string{labelPod: "p", labelNamespace: "n", labelUID: "u", labelName: "web"}
	})
	c.set("waits", cri.ContainerState_CONTAINER_CREATED, nil)
	c.set("vanished", cri.ContainerState_CONTAINER_RUNNING, nil)
	delete(c.statuses, "vanished")
	set := NewSet(hostfs.Root{}, []string{c.serve(t)})
	defer func() { _ = set.Close() }()
	all := list(t, set)
	if len(all) != 3 {
		t.Fatalf("got %+v", all)
	}
	bare := all["bare"]
	if !bare.Running || bare.State != "running" || bare.PID != 77 || bare.Name != "app" || bare.RuntimeName != "bare" || bare.Runtime != "cri-o" || bare.Version != "1.31.0" ||
		bare.Image != "quay.io/a/app:2" || bare.LogPath != "/var/log/pods/x/app/0.log" || bare.LogFormat != logs.CRI || !bare.Created.Equal(time.Unix(1, 0)) ||
		bare.Type != "kubernetes" || bare.PodName != "web-1" || bare.PodNamespace != "shop" || bare.PodUID != "u1" || bare.Annotations["datakit/logs"] == "" {
		t.Errorf("got %+v", bare)
	}
	if k := all["kubelet"]; k.Name != "web" || k.PodName != "p" || k.PodNamespace != "n" || k.PodUID != "u" || k.Image != "nginx:1" {
		t.Errorf("got %+v", k)
	}
	if w := all["waits"]; w.Running || w.State != "created" || w.PID != 0 {
		t.Errorf("got %+v", w)
	}

	// Only what changed is asked for again.
	asked := c.asked
	c.set("bare", cri.ContainerState_CONTAINER_EXITED, func(_ *cri.Container, s *cri.ContainerStatusResponse) {
		s.Status.Reason, s.Status.FinishedAt = "OOMKilled", time.Now().UnixNano()
	})
	if b := list(t, set)["bare"]; b.Running || b.State != "exited" || b.PID != 0 || b.OOM.IsZero() {
		t.Errorf("got %+v", b)
	}
	if got := c.asked - asked; got != 2 { // and for the one that is listed but gone
		t.Errorf("%d questions", got)
	}
	if b := list(t, set)["bare"]; !b.OOM.IsZero() {
		t.Errorf("told twice: %+v", b)
	}

	c.broken = errors.New("too busy")
	if _, answered, err := set.List(t.Context()); answered != 0 || err == nil || !strings.Contains(err.Error(), "list containers of cri-o") {
		t.Errorf("%d answered, %v", answered, err)
	}
}

func FuzzContainerOfOOM(f *testing.F) {
	f.Add([]byte("\x0a\x03abc"))
	f.Add([]byte("\x0a\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, event []byte) {
		if id := containerOf(event); len(id) > len(event) {
			t.Errorf("%q of %q", id, event)
		}
	})
}

func TestContainerOfOOM(t *testing.T) {
	for event, want := range map[string]string{"\x0a\x03abc": "abc", "": "", "\x0a\x09abc": "", "\x12\x03abc": "", "\x08\x01": ""} {
		if got := containerOf([]byte(event)); got != want {
			t.Errorf("%q: %q, want %q", event, got, want)
		}
	}
}

// What is not asked for in time is bounded, and every kill is handed over once.
func TestOOMWatchIsBounded(t *testing.T) {
	w := &oomWatch{seen: map[string]time.Time{}}
	for i := range maxOOM + 10 {
		w.note(string(rune(i+1)), time.Unix(int64(i), 0))
	}
	w.note(string(rune(1)), time.Unix(5000, 0)) // one that waits already gets its new time
	if seen := w.take(); len(seen) != maxOOM || seen[string(rune(1))].Unix() != 5000 || len(w.take()) != 0 {
		t.Errorf("%d", len(seen))
	}
}
