// Package runtimes asks container runtimes which containers there are. Each
// socket is asked what it speaks:
//
//	Docker API over HTTP             Docker, Podman
//	containerd's gRPC services       Kubernetes, nerdctl, ctr; its CRI tells the annotations of pods
//	CRI, Kubernetes' interface       CRI-O
package runtimes

import (
	"strings"
	"time"

	"datakit.dev/agent/plugins/container/logs"
)

// Container is one container, running or not.
type Container struct {
	ID          string
	Name        string // what people call it
	RuntimeName string // what the runtime calls it
	Image       string // as the runtime names it: "docker.io/library/nginx:1.27"
	Running     bool
	State       string // "running", "exited", … in lower case
	PID         int    // of its first process, in the namespace of the runtime; 0 when none
	Created     time.Time
	OOM         time.Time // when the kernel killed a process of it for want of memory, as the runtime noticed; [Set] tells it once

	Runtime string // "docker", "podman", "containerd", "cri-o"
	Version string
	Type    string // "kubernetes" or "standalone"

	LogPath   string // "" when the runtime writes no file
	LogFormat logs.Format

	Labels                        map[string]string
	Annotations                   map[string]string // of its pod
	PodName, PodNamespace, PodUID string
}

// Labels with which Kubernetes' runtimes tell what a container belongs to
// (k8s.io/kubernetes pkg/kubelet/types/labels.go).
const (
	labelPod       = "io.kubernetes.pod.name"
	labelNamespace = "io.kubernetes.pod.namespace"
	labelUID       = "io.kubernetes.pod.uid"
	labelName      = "io.kubernetes.container.name"
)

// fromLabels fills in what labels tell.
func (c *Container) fromLabels() {
	c.PodName, c.PodNamespace, c.PodUID = c.Labels[labelPod], c.Labels[labelNamespace], c.Labels[labelUID]
	c.Type, c.RuntimeName = "standalone", c.Name
	if c.PodName != "" {
		c.Type = "kubernetes"
		if name := c.Labels[labelName]; name != "" {
			c.Name = name
		}
	}
}

// ImageParts splits the name of an image: "registry:5000/a/b:1" has the name
// "registry:5000/a/b", the short name "b" and the tag "1"; "latest" stands for
// no tag, a digest is left out.
func ImageParts(image string) (name, short, tag string) {
	name, _, _ = strings.Cut(image, "@")
	slash := strings.LastIndexByte(name, '/')
	if colon := strings.LastIndexByte(name, ':'); colon > slash {
		name, tag = name[:colon], name[colon+1:]
	}
	if tag == "" && name != "" {
		tag = "latest"
	}
	return name, name[slash+1:], tag
}
