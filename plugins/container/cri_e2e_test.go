//go:build e2e

package container

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"datakit.dev/agent/plugins"
)

// kubelet is a containerd with CRI, and plays what the kubelet asks of it.
type kubelet struct {
	*daemon
	api cri.RuntimeServiceClient
}

func startKubelet(t *testing.T) *kubelet {
	t.Helper()
	d := startConfigured(t, "k8s.io", `[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "`+testImage+`"
  disable_apparmor = true
  restrict_oom_score_adj = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
`)
	conn, err := grpc.NewClient("unix://"+d.socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	k := &kubelet{d, cri.NewRuntimeServiceClient(conn)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		pods, _ := k.api.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		for _, p := range pods.GetItems() {
			_, _ = k.api.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.GetId()})
			_, _ = k.api.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: p.GetId()})
		}
	})
	return k
}

// pod starts a pod with one container, in the host's network, for which CRI
// needs no network plugin.
func (k *kubelet) pod(name string, annotations map[string]string, memory int64, args ...string) (id string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 30*time.Second)
	defer cancel()
	logs := filepath.Join(k.dir, "pods", name)
	if err := os.MkdirAll(filepath.Join(logs, "main"), 0o755); err != nil {
		k.t.Fatal(err)
	}
	labels := map[string]string{"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "uid-" + name}
	host := &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER}
	pod := &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: name, Uid: "uid-" + name, Namespace: "shop"}, LogDirectory: logs, Labels: labels, Annotations: annotations,
		Linux: &cri.LinuxPodSandboxConfig{CgroupParent: "/" + filepath.Base(k.dir), SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: host}},
	}
	sandbox, err := k.api.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: pod})
	if err != nil {
		k.t.Fatalf("run pod %s: %v", name, err)
	}
	own := map[string]string{"io.kubernetes.container.name": "main"}
	for key, value := range labels {
		own[key] = value
	}
	c, err := k.api.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox.GetPodSandboxId(), SandboxConfig: pod, Config: &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: "main"}, Image: &cri.ImageSpec{Image: testImage}, Command: append([]string{"/box"}, args...),
		Labels: own, LogPath: "main/0.log",
		Linux: &cri.LinuxContainerConfig{Resources: &cri.LinuxContainerResources{MemoryLimitInBytes: memory}, SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: host}},
	}})
	if err != nil {
		k.t.Fatalf("create container of %s: %v", name, err)
	}
	if _, err := k.api.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: c.GetContainerId()}); err != nil {
		k.t.Fatalf("start container of %s: %v", name, err)
	}
	return c.GetContainerId()
}

// alone hands on what CRI-O would answer too, so that its way is tried with a
// real runtime: it has none of containerd's own services.
type alone struct {
	cri.UnimplementedRuntimeServiceServer
	to cri.RuntimeServiceClient
}

func (a alone) Version(ctx context.Context, r *cri.VersionRequest) (*cri.VersionResponse, error) {
	return a.to.Version(ctx, r)
}

func (a alone) ListPodSandbox(ctx context.Context, r *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	return a.to.ListPodSandbox(ctx, r)
}

func (a alone) ListContainers(ctx context.Context, r *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	return a.to.ListContainers(ctx, r)
}

func (a alone) ContainerStatus(ctx context.Context, r *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	return a.to.ContainerStatus(ctx, r)
}

// criSocket serves k's CRI alone.
func (k *kubelet) criSocket() string {
	k.t.Helper()
	socket := filepath.Join(k.dir, "cri.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		k.t.Fatal(err)
	}
	s := grpc.NewServer()
	cri.RegisterRuntimeServiceServer(s, alone{to: k.api})
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	k.t.Cleanup(func() { s.Stop(); <-done })
	return socket
}

// TestCRIPods: pods of a real containerd, seen by its own services with the
// annotations from its CRI, and by CRI alone, are the same.
func TestCRIPods(t *testing.T) {
	k := startKubelet(t)
	type view struct {
		p *plugin
		s *sink
	}
	views := map[string]view{}
	for name, socket := range map[string]string{"both": k.socket, "CRI alone": k.criSocket()} {
		p, s := start(t, plugins.Container{Endpoints: []string{"unix://" + socket}})
		views[name] = view{p, s}
		p.once(t, s) // from now on it hears of kills
	}
	web := k.pod("web", map[string]string{optionsKey: `[{"source":"checkout","tags":{"team":"a"}}]`}, 256<<20, "burn", "32")
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		v := views["both"]
		v.s.reset()
		if v.p.once(t, v.s); slices.Contains(v.s.ids(plugins.Metric), web) && v.s.get(t, plugins.Metric, web).number(t, "mem_usage") > 32<<20 {
			break // it has taken its memory
		}
	}
	views["CRI alone"].p.once(t, views["CRI alone"].s)
	for name, v := range views {
		m := v.s.get(t, plugins.Metric, web)
		for key, want := range map[string]string{
			"container_name": "main", "pod_name": "web", "namespace": "shop", "pod_uid": "uid-web", "container_type": "kubernetes",
			"image": testImage, "state": "running", "container_runtime": "containerd",
		} {
			if got := m.tag(key); got != want {
				t.Errorf("%s: tag %s is %q, want %q", name, key, got, want)
			}
		}
		if n := m.number(t, "mem_limit"); n != 256<<20 {
			t.Errorf("%s: memory limit %v", name, n)
		}
		if n := m.number(t, "mem_usage"); n < 32<<20 {
			t.Errorf("%s: memory %v", name, n)
		}
		all, _, err := v.p.set.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, src := range v.p.sources(all) {
			if src.ID == web && src.Measurement == "checkout" && src.Path == filepath.Join(k.dir, "pods/web/main/0.log") {
				found++
			}
		}
		if found != 1 || len(all) != 1 {
			t.Errorf("%s: the annotation of the pod is not used, or there is not just one container: %+v", name, all)
		}
	}
	hungry := k.pod("hungry", nil, 32<<20, "hunger", "300")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		s, err := k.api.ContainerStatus(t.Context(), &cri.ContainerStatusRequest{ContainerId: hungry})
		if err == nil && s.GetStatus().GetState() == cri.ContainerState_CONTAINER_EXITED {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the hungry pod lives on: %v, %v", s, err)
		}
	}
	for name, v := range views {
		for end := time.Now().Add(5 * time.Second); len(v.s.ids(plugins.KeyEvent)) == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			v.p.once(t, v.s)
		}
		v.p.once(t, v.s)
		if got := v.s.ids(plugins.KeyEvent); fmt.Sprint(got) != "["+hungry+"]" {
			t.Errorf("%s: events of %v, want %s", name, got, hungry)
		}
		v.s.conforms(t)
	}
}
