package runtimes

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"datakit.dev/agent/plugins/container/logs"
)

// kubernetes speaks the Container Runtime Interface: all that CRI-O has, and
// what containerd has beside its own services.
type kubernetes struct {
	conn          *grpc.ClientConn
	api           cri.RuntimeServiceClient
	name, version string
	details       map[string]details // by container
}

// details are what only the answer about a single container holds. Within one
// state of a container they do not change.
type details struct {
	state cri.ContainerState
	image string
	path  string // of its log
	pid   int
	oom   time.Time
}

// dialCRI asks who is on the other end of a connection.
func dialCRI(ctx context.Context, conn *grpc.ClientConn) (*kubernetes, error) {
	k := &kubernetes{conn: conn, api: cri.NewRuntimeServiceClient(conn), details: map[string]details{}}
	v, err := k.api.Version(ctx, &cri.VersionRequest{})
	if err != nil {
		return nil, fmt.Errorf("ask %s for its version of CRI: %w", conn.Target(), err)
	}
	k.name, k.version = v.GetRuntimeName(), v.GetRuntimeVersion()
	return k, nil
}

// Close implements client.
func (k *kubernetes) Close() error { return k.conn.Close() }

// pods returns the sandboxes by id; containers refer to them.
func (k *kubernetes) pods(ctx context.Context) (map[string]*cri.PodSandbox, error) {
	answer, err := k.api.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return nil, fmt.Errorf("list pods of %s: %w", k.name, err)
	}
	all := map[string]*cri.PodSandbox{}
	for _, p := range answer.GetItems() {
		all[p.GetId()] = p
	}
	return all, nil
}

// List returns the containers, also those that do not run. The details, which
// hold pid and log file, take one more request for each container that is new
// or has changed its state.
func (k *kubernetes) List(ctx context.Context) ([]Container, error) {
	pods, err := k.pods(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := k.api.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return nil, fmt.Errorf("list containers of %s: %w", k.name, err)
	}
	var all []Container
	known := k.details
	k.details = map[string]details{}
	for _, c := range answer.GetContainers() {
		d, ok := known[c.GetId()]
		if !ok || d.state != c.GetState() {
			if d, err = k.ask(ctx, c.GetId()); status.Code(err) == codes.NotFound {
				continue // removed meanwhile
			}
			if err != nil {
				return nil, fmt.Errorf("ask %s for container %s: %w", k.name, c.GetId(), err)
			}
		}
		k.details[c.GetId()] = d
		all = append(all, k.container(c, d, pods[c.GetPodSandboxId()]))
	}
	return all, nil
}

// ask returns the details of one container.
func (k *kubernetes) ask(ctx context.Context, id string) (details, error) {
	answer, err := k.api.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id, Verbose: true})
	if err != nil {
		return details{}, err
	}
	s := answer.GetStatus()
	d := details{state: s.GetState(), image: s.GetImage().GetImage(), path: s.GetLogPath()}
	// What a verbose answer holds is not part of the interface; both CRI-O
	// and containerd tell the pid in this way.
	var info struct {
		PID int `json:"pid"`
	}
	if json.Unmarshal([]byte(answer.GetInfo()["info"]), &info) == nil && s.GetState() == cri.ContainerState_CONTAINER_RUNNING {
		d.pid = info.PID
	}
	if s.GetReason() == "OOMKilled" {
		d.oom = time.Unix(0, s.GetFinishedAt())
	}
	return d, nil
}

func (k *kubernetes) container(c *cri.Container, d details, pod *cri.PodSandbox) Container {
	got := Container{
		ID: c.GetId(), Name: c.GetId(), Image: imageOf(c, d), PID: d.pid, Created: time.Unix(0, c.GetCreatedAt()), OOM: d.oom,
		Running: c.GetState() == cri.ContainerState_CONTAINER_RUNNING,
		State:   strings.ToLower(strings.TrimPrefix(c.GetState().String(), "CONTAINER_")),
		Runtime: k.name, Version: k.version, LogPath: d.path, LogFormat: logs.CRI,
		Labels: c.GetLabels(), Annotations: pod.GetAnnotations(),
	}
	got.fromLabels()
	if m := pod.GetMetadata(); got.PodName == "" && m != nil { // a client that sets no labels, as crictl
		got.Type, got.PodName, got.PodNamespace, got.PodUID = "kubernetes", m.GetName(), m.GetNamespace(), m.GetUid()
		got.Name = c.GetMetadata().GetName()
	}
	return got
}

// imageOf prefers what the user wrote; the reference may be a mere digest.
func imageOf(c *cri.Container, d details) string {
	for _, name := range []string{c.GetImage().GetUserSpecifiedImage(), d.image, c.GetImage().GetImage()} {
		if name != "" && !strings.HasPrefix(name, "sha256:") {
			return name
		}
	}
	return d.image
}
