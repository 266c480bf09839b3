package runtimes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/containerd/api/services/containers/v1"
	"github.com/containerd/containerd/api/services/events/v1"
	"github.com/containerd/containerd/api/services/namespaces/v1"
	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/services/version/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/api/types/task"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/plugins/container/logs"
)

// fakeContainerd answers with the services of containerd that are used.
type fakeContainerd struct {
	version.UnimplementedVersionServer
	namespaces.UnimplementedNamespacesServer
	mu      sync.Mutex
	version string                             // "": 1.7.2
	records map[string][]*containers.Container // by namespace
	running map[string][]*task.Process
	broken  error
	killed  chan *types.Envelope
}

// Services of which the names of methods collide.
type (
	fakeContainers struct {
		containers.UnimplementedContainersServer
		*fakeContainerd
	}
	fakeTasks struct {
		tasks.UnimplementedTasksServer
		*fakeContainerd
	}
	fakeEvents struct {
		events.UnimplementedEventsServer
		*fakeContainerd
	}
)

func (f *fakeContainerd) Version(context.Context, *emptypb.Empty) (*version.VersionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &version.VersionResponse{Version: cmp.Or(f.version, "1.7.2")}, nil
}

func (f *fakeContainerd) List(context.Context, *namespaces.ListNamespacesRequest) (*namespaces.ListNamespacesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := &namespaces.ListNamespacesResponse{}
	for name := range f.records {
		answer.Namespaces = append(answer.Namespaces, &namespaces.Namespace{Name: name})
	}
	return answer, f.broken
}

func namespaceOf(ctx context.Context) string {
	header, _ := metadata.FromIncomingContext(ctx)
	return strings.Join(header.Get(namespaceKey), "")
}

func (f fakeContainers) List(ctx context.Context, _ *containers.ListContainersRequest) (*containers.ListContainersResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &containers.ListContainersResponse{Containers: f.records[namespaceOf(ctx)]}, nil
}

func (f fakeTasks) List(ctx context.Context, _ *tasks.ListTasksRequest) (*tasks.ListTasksResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &tasks.ListTasksResponse{Tasks: f.running[namespaceOf(ctx)]}, nil
}

func (f fakeEvents) Subscribe(_ *events.SubscribeRequest, s events.Events_SubscribeServer) error {
	for {
		select {
		case e := <-f.killed:
			if e == nil {
				return errors.New("restarted")
			}
			if err := s.Send(e); err != nil {
				return err
			}
		case <-s.Context().Done():
			return s.Context().Err()
		}
	}
}

// serve starts it, with CRI when there is one.
func (f *fakeContainerd) serve(t *testing.T, c *crio) (socket string) {
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
	version.RegisterVersionServer(s, f)
	namespaces.RegisterNamespacesServer(s, f)
	containers.RegisterContainersServer(s, fakeContainers{fakeContainerd: f})
	tasks.RegisterTasksServer(s, fakeTasks{fakeContainerd: f})
	events.RegisterEventsServer(s, fakeEvents{fakeContainerd: f})
	if c != nil {
		cri.RegisterRuntimeServiceServer(s, c)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-done; _ = os.RemoveAll(dir) })
	return dir + "/c.sock"
}

// oom is the event of a kill.
func oom(id string) *types.Envelope {
	return &types.Envelope{Timestamp: timestamppb.Now(), Topic: "/tasks/oom", Event: &anypb.Any{TypeUrl: "containerd.events.TaskOOM", Value: append([]byte{0x0a, byte(len(id))}, id...)}}
}

func record(id string, labels map[string]string, metadata string) *containers.Container {
	r := &containers.Container{ID: id, Image: "img:1", Labels: labels, CreatedAt: timestamppb.New(time.Unix(5, 0))}
	if metadata != "" {
		r.Extensions = map[string]*anypb.Any{"io.cri-containerd.container.metadata": {Value: []byte(metadata)}}
	}
	return r
}

func TestContainerd(t *testing.T) {
	f := &fakeContainerd{killed: make(chan *types.Envelope), records: map[string][]*containers.Container{
		"default": {record("plain", nil, ""), record("nerd", map[string]string{"nerdctl/name": "web", "nerdctl/state-dir": "/var/lib/nerdctl/x"}, "")},
		"k8s.io": {
			record("pod", map[string]string{labelPod: "p", labelName: "app"}, `{"Version":"v1","Metadata":{"LogPath":"/var/log/pods/p/app/0.log","SandboxID":"box"}}`),
			record("pause", map[string]string{"io.cri-containerd.kind": "sandbox"}, ""),
			record("odd", nil, `not JSON`),
		},
		"moby": {record("docker", nil, "")},
	}, running: map[string][]*task.Process{
		"default": {{ID: "plain", Pid: 10, Status: task.Status_RUNNING, Stdout: "file:///var/log/plain.log"}, {ID: "nerd", Pid: 11, Status: task.Status_RUNNING}},
		"k8s.io":  {{ID: "pod", Pid: 12, Status: task.Status_RUNNING, Stdout: "/run/fifo"}},
	}}
	set := NewSet(hostfs.Root{}, []string{f.serve(t, &crio{})})
	defer func() { _ = set.Close() }()
	all := list(t, set)
	if len(all) != 4 {
		t.Fatalf("got %+v", all)
	}
	for id, want := range map[string]struct {
		name, path, annotation string
		format                 logs.Format
		pid                    int
	}{
		"plain": {"plain", "/var/log/plain.log", "", logs.Raw, 10},
		"nerd":  {"web", "/var/lib/nerdctl/x/nerd-json.log", "", logs.Docker, 11},
		"pod":   {"app", "/var/log/pods/p/app/0.log", `[{"source":"s"}]`, logs.CRI, 12},
		"odd":   {"odd", "", "", logs.Raw, 0},
	} {
		c := all[id]
		if c.Name != want.name || c.LogPath != want.path || c.Annotations["datakit/logs"] != want.annotation || c.LogFormat != want.format || c.PID != want.pid || c.Version != "1.7.2" {
			t.Errorf("%s: %+v", id, c)
		}
	}

	// One is killed and goes on, one is killed and removed, one nobody knows.
	f.killed <- oom("plain")
	f.killed <- oom("pod")
	f.killed <- oom("stranger")
	f.mu.Lock()
	f.records["k8s.io"], f.running["k8s.io"] = nil, nil
	f.mu.Unlock()
	told := map[string]Container{}
	for end := time.Now().Add(5 * time.Second); len(told) < 2 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		for id, c := range list(t, set) {
			if !c.OOM.IsZero() {
				if _, twice := told[id]; twice {
					t.Errorf("%s is told twice", id)
				}
				told[id] = c
			}
		}
	}
	if plain, pod := told["plain"], told["pod"]; len(told) != 2 || !plain.Running || pod.Running || pod.State != "exited" || pod.PID != 0 || pod.PodName != "p" {
		t.Errorf("told %+v", told)
	}

	// While the list fails, nothing is forgotten.
	f.killed <- oom("nerd")
	f.mu.Lock()
	f.broken = errors.New("busy")
	f.mu.Unlock()
	if _, answered, err := set.List(t.Context()); answered != 0 || err == nil || !strings.Contains(err.Error(), "list namespaces of containerd") {
		t.Errorf("%d answered, %v", answered, err)
	}
	f.mu.Lock()
	f.broken = nil
	f.mu.Unlock()
	var nerd Container
	for end := time.Now().Add(5 * time.Second); nerd.OOM.IsZero() && time.Now().Before(end); time.Sleep(time.Millisecond) {
		nerd = list(t, set)["nerd"]
	}
	if nerd.OOM.IsZero() {
		t.Error("a kill was forgotten")
	}

	// The stream of events is opened again when it breaks.
	f.killed <- nil
	select {
	case f.killed <- oom("plain"):
	case <-time.After(10 * time.Second):
		t.Error("nobody listens any more")
	}
}

// The answer for hundreds of containers with their specifications is larger
// than what gRPC takes by default.
func TestManyContainers(t *testing.T) {
	f := &fakeContainerd{killed: make(chan *types.Envelope), records: map[string][]*containers.Container{}}
	for i := range 700 {
		r := record(fmt.Sprintf("c%03d", i), nil, "")
		r.Spec = &anypb.Any{Value: make([]byte, 10<<10)}
		f.records["default"] = append(f.records["default"], r)
	}
	set := NewSet(hostfs.Root{}, []string{f.serve(t, nil)})
	defer func() { _ = set.Close() }()
	if all, _, err := set.List(t.Context()); err != nil || len(all) != 700 {
		t.Errorf("%d containers, want 700; %v", len(all), err)
	}
}

// A runtime that went away is named, and its successor at the same socket is
// found.
func TestRuntimeThatGoesAway(t *testing.T) {
	f := &fakeContainerd{killed: make(chan *types.Envelope), records: map[string][]*containers.Container{"default": {record("a", nil, "")}}}
	socket := f.serve(t, nil)
	set := NewSet(hostfs.Root{}, []string{socket})
	defer func() { _ = set.Close() }()
	if all, _, err := set.List(t.Context()); err != nil || len(all) != 1 || fmt.Sprint(set.Sockets()) != "["+socket+"]" {
		t.Fatalf("%+v, %v", all, err)
	}
	f.mu.Lock()
	f.version = "2.0.0"
	f.mu.Unlock()
	if all, _, err := set.List(t.Context()); err != nil || len(all) != 1 || all[0].Version != "2.0.0" {
		t.Errorf("after an upgrade: %+v, %v", all, err)
	}
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	if all, answered, err := set.List(t.Context()); err != nil || answered != 0 || len(all) != 0 || len(set.Sockets()) != 0 {
		t.Errorf("%+v, %d answered, %v", all, answered, err)
	}
}
