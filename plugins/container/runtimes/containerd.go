package runtimes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/api/services/containers/v1"
	"github.com/containerd/containerd/api/services/namespaces/v1"
	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/services/version/v1"
	"github.com/containerd/containerd/api/types/task"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"datakit.dev/agent/plugins/container/logs"
)

// namespaceKey is the header that names the namespace of a call (containerd,
// pkg/namespaces/grpc.go).
const namespaceKey = "containerd-namespace"

// nameLabel is where nerdctl keeps the name people gave a container.
const nameLabel = "nerdctl/name"

// dockersNamespace holds containers of a Docker that uses this containerd; it
// tells more about them itself.
const dockersNamespace = "moby"

// containerd speaks with the services of containerd.
type containerd struct {
	conn    *grpc.ClientConn
	version string
	cri     *kubernetes // nil when its CRI is switched off
	oom     *oomWatch

	pods map[string]*cri.PodSandbox
	last map[string]remembered // containers of the last minute, to name those that were killed and removed
}

// remembered is a container as it was listed last.
type remembered struct {
	Container
	at time.Time
}

// recent is how long a container is remembered after it is gone: events may
// come later than a list without it.
const recent = time.Minute

// dialGRPC connects to a socket; it fails when nobody answers there or
// it is neither containerd nor speaks CRI.
func dialGRPC(ctx context.Context, socket string) (client, error) {
	// Hundreds of containers, each with its specification, do not fit the
	// 4 MiB that gRPC takes by default.
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", socket, err)
	}
	v, err := version.NewVersionClient(conn).Version(ctx, &emptypb.Empty{})
	k, cerr := dialCRI(ctx, conn)
	switch {
	case err == nil:
		return &containerd{conn: conn, version: v.GetVersion(), cri: k, oom: watchOOM(conn), last: map[string]remembered{}}, nil
	case cerr == nil:
		return k, nil
	}
	return nil, errors.Join(fmt.Errorf("ask %s for its version: %w", socket, err), cerr, conn.Close())
}

// Close implements client.
func (c *containerd) Close() error {
	err := c.conn.Close()
	c.oom.stream.close()
	return err
}

// List returns the containers of all namespaces, and those that were killed
// for want of memory and removed since the last list.
func (c *containerd) List(ctx context.Context) ([]Container, error) {
	killed := c.oom.take()
	all, err := c.list(ctx)
	if err != nil {
		for id, at := range killed {
			c.oom.note(id, at)
		}
		return nil, err
	}
	now := time.Now()
	maps.DeleteFunc(c.last, func(_ string, r remembered) bool { return now.Sub(r.at) > recent })
	for i := range all {
		c.last[all[i].ID] = remembered{all[i], now}
		all[i].OOM = killed[all[i].ID]
		delete(killed, all[i].ID)
	}
	for id, at := range killed {
		if gone, known := c.last[id]; known {
			gone.Running, gone.State, gone.PID, gone.OOM = false, "exited", 0, at
			all = append(all, gone.Container)
		}
	}
	return all, nil
}

func (c *containerd) list(ctx context.Context) ([]Container, error) {
	// It may have been replaced by a newer one behind the same socket.
	v, err := version.NewVersionClient(c.conn).Version(ctx, &emptypb.Empty{})
	if err != nil {
		return nil, fmt.Errorf("ask containerd for its version: %w", err)
	}
	c.version = v.GetVersion()
	c.pods = nil
	if c.cri != nil {
		pods, err := c.cri.pods(ctx)
		if err != nil {
			return nil, err
		}
		c.pods = pods
	}
	spaces, err := namespaces.NewNamespacesClient(c.conn).List(ctx, &namespaces.ListNamespacesRequest{})
	if err != nil {
		return nil, fmt.Errorf("list namespaces of containerd: %w", err)
	}
	var all []Container
	for _, ns := range spaces.GetNamespaces() {
		if ns.GetName() == dockersNamespace {
			continue
		}
		found, err := c.listNamespace(metadata.AppendToOutgoingContext(ctx, namespaceKey, ns.GetName()))
		if err != nil {
			return nil, fmt.Errorf("list containers of namespace %s: %w", ns.GetName(), err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func (c *containerd) listNamespace(ctx context.Context) ([]Container, error) {
	records, err := containers.NewContainersClient(c.conn).List(ctx, &containers.ListContainersRequest{})
	if err != nil {
		return nil, err
	}
	running, err := tasks.NewTasksClient(c.conn).List(ctx, &tasks.ListTasksRequest{})
	if err != nil {
		return nil, err
	}
	processes := map[string]*task.Process{}
	for _, p := range running.GetTasks() {
		processes[taskID(p)] = p
	}
	var all []Container
	for _, r := range records.GetContainers() {
		if r.GetLabels()["io.cri-containerd.kind"] == "sandbox" {
			continue // the process that holds a pod's namespaces
		}
		all = append(all, c.container(r, processes[r.GetID()]))
	}
	return all, nil
}

// taskID is the container of a task, which has the same id: in lists only ID
// is set.
func taskID(p *task.Process) string {
	if id := p.GetContainerID(); id != "" {
		return id
	}
	return p.GetID()
}

// container puts a record and its task, nil when it has none, together.
func (c *containerd) container(r *containers.Container, p *task.Process) Container {
	got := Container{
		ID: r.GetID(), Name: r.GetID(), Image: r.GetImage(), State: "created",
		Runtime: "containerd", Version: c.version, Labels: r.GetLabels(), Created: r.GetCreatedAt().AsTime(),
	}
	if name := got.Labels[nameLabel]; name != "" {
		got.Name = name
	}
	if p != nil {
		s := p.GetStatus()
		got.Running = s == task.Status_RUNNING || s == task.Status_PAUSING || s == task.Status_PAUSED
		got.State, got.PID = taskState(p.GetStatus()), int(p.GetPid())
	}
	m := metadataOf(r)
	got.LogPath, got.LogFormat = containerdLog(r, p, m)
	got.Annotations = c.pods[m.SandboxID].GetAnnotations()
	got.fromLabels()
	return got
}

// criMetadata is what containerd's CRI plugin keeps with a container
// (containerd, pkg/cri/store/container/metadata.go).
type criMetadata struct{ LogPath, SandboxID string }

func metadataOf(r *containers.Container) (m criMetadata) {
	var kept struct{ Metadata criMetadata }
	if e := r.GetExtensions()["io.cri-containerd.container.metadata"]; e != nil && json.Unmarshal(e.GetValue(), &kept) == nil {
		m = kept.Metadata
	}
	return m
}

// containerdLog finds the log of a container. containerd itself writes none:
// its CRI plugin does, nerdctl does, and a task may have been given a file.
func containerdLog(r *containers.Container, p *task.Process, m criMetadata) (string, logs.Format) {
	if m.LogPath != "" {
		return m.LogPath, logs.CRI
	}
	if dir := r.GetLabels()["nerdctl/state-dir"]; dir != "" {
		return filepath.Join(dir, r.GetID()+"-json.log"), logs.Docker
	}
	if path, ok := strings.CutPrefix(p.GetStdout(), "file://"); ok {
		return path, logs.Raw
	}
	return "", logs.Raw
}

// taskState is the word other runtimes have for a state.
func taskState(s task.Status) string {
	if s == task.Status_STOPPED {
		return "exited"
	}
	return strings.ToLower(s.String())
}
