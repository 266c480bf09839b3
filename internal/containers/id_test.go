package containers

import (
	"strings"
	"testing"
)

const (
	idA = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	idB = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
	uid = "3f0a2b1c-1111-2222-3333-444455556666"
)

func TestID(t *testing.T) {
	slice := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice"
	tests := []struct{ name, path, want string }{
		{"root", "/", ""},
		{"empty", "", ""},
		{"service", "/system.slice/nginx.service", ""},
		{"session", "/user.slice/user-1000.slice/session-3.scope", ""},
		{"pod, no container", slice, ""},
		{"docker, systemd", "/system.slice/docker-" + idA + ".scope", idA},
		{"docker, cgroupfs", "/docker/" + idA, idA},
		{"docker with a service inside", "/system.slice/docker-" + idA + ".scope/system.slice/ssh.service", idA},
		{"containerd, systemd", slice + "/cri-containerd-" + idA + ".scope", idA},
		{"containerd, cgroupfs", "/kubepods/burstable/pod" + uid + "/" + idA, idA},
		{"containerd, colons", "/system.slice/containerd.service/kubepods-burstable-pod" + uid + ".slice:cri-containerd:" + idA, idA},
		{"containerd by ctr", "/default/" + idA, idA},
		{"crio, systemd", slice + "/crio-" + idA + ".scope", idA},
		{"crio with init below", slice + "/crio-" + idA + ".scope/container", idA},
		{"crio, cgroupfs", "/kubepods/besteffort/pod" + uid + "/crio-" + idA, idA},
		{"crio monitor", slice + "/crio-conmon-" + idA + ".scope", ""},
		{"podman, systemd", "/machine.slice/libpod-" + idA + ".scope/container", idA},
		{"podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope", idA},
		{"podman, cgroupfs", "/libpod_parent/libpod-" + idA, idA},
		{"podman, split", "/system.slice/web.service/libpod-payload-" + idA, idA},
		{"podman monitor", "/machine.slice/libpod-conmon-" + idA + ".scope", ""},
		{"monitor in a container", "/docker/" + idB + "/machine.slice/libpod-conmon-" + idA + ".scope", ""},
		{"container in a container", "/docker/" + idA + "/docker/" + idB, idB},
		{"cluster node in a container", "/docker/" + idA + "/kubelet/kubepods/pod" + uid + "/" + idB, idB},
		{"seen from another cgroup namespace", "/../cri-containerd-" + idA + ".scope", idA},
		{"too short", "/docker/" + idA[1:], ""},
		{"upper case", "/docker/" + strings.ToUpper(idA), ""},
		{"longer word", "/x" + idA, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ID(tt.path); got != tt.want {
				t.Errorf("ID(%q) = %q, want %q", tt.path, got, tt.want)
			}
		})
	}
}

func TestFromProc(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"empty", "", ""},
		{"v2", "0::/system.slice/docker-" + idA + ".scope\n", idA},
		{"v2 host process", "0::/init.scope\n", ""},
		{"v1", "12:pids:/docker/" + idA + "\n11:memory:/docker/" + idA + "\n1:name=systemd:/docker/" + idA + "\n", idA},
		{"both, only v1 is used", "5:memory:/docker/" + idA + "\n0::/\n", idA},
		{"colons in the path", "0::/containerd.service/x.slice:cri-containerd:" + idA + "\n", idA},
		{"no line end", "0::/docker/" + idA, idA},
		{"nonsense", "x\n1:2\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FromProc(tt.content); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzID(f *testing.F) {
	f.Add("/system.slice/docker-" + idA + ".scope")
	f.Add("/a:" + idA + "/b/")
	f.Add("//")
	f.Fuzz(func(t *testing.T, path string) {
		id := ID(path)
		if id != "" && (len(id) != idLength || !strings.Contains(path, id)) {
			t.Errorf("ID(%q) = %q", path, id)
		}
	})
}
