package cgroup

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// In a cgroup namespace of our own the paths of other containers are relative
// to our cgroup, and that of our own container is the root.
func TestForeignNamespace(t *testing.T) {
	id, own := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	const pods = v1 + "kubepods.slice/kubepods-pod"
	v2 := map[string]string{
		"proc/7/cgroup": "0::/../../kubepods-pod1.slice/cri-containerd-" + id + ".scope\n", "proc/8/cgroup": "0::/\n", "proc/9/cgroup": "0::/../gone\n",
		v1 + "cgroup.procs": "", v1 + "cpu.stat": "usage_usec 99\n",
		pods + "1.slice/cri-containerd-" + id + ".scope/cpu.stat":  "usage_usec 3\n",
		pods + "2.slice/cri-containerd-" + own + ".scope/cpu.stat": "usage_usec 4\n",
	}
	old := map[string]string{
		"proc/7/cgroup": "4:cpuacct:/../" + id + "\n", "proc/8/cgroup": "4:cpuacct:/\n", "proc/9/cgroup": "4:cpuacct:/../gone\n",
		v1 + "cpuacct/cpuacct.usage":                           "99000\n",
		v1 + "cpuacct/docker/crio-conmon-" + id + "/x":         "",
		v1 + "cpuacct/docker/crio-conmon-" + id + "/cgroup":    "",
		v1 + "cpuacct/docker/" + id + "/cpuacct.usage":         "3000\n",
		v1 + "cpuacct/docker/" + own + "/cpuacct.usage":        "4000\n",
		v1 + "cpuacct/docker/" + id + "/init/" + id + "/other": "",
	}
	for name, files := range map[string]map[string]string{"v2": v2, "v1": old} {
		t.Run(name, func(t *testing.T) {
			r := host(t, maps.Clone(files))
			dir := r.fs.Proc("self", "ns")
			if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink("cgroup:[4026532669]", filepath.Join(dir, "cgroup"))); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time from memory
				for pid, want := range map[int]struct {
					id  string
					cpu time.Duration
				}{7: {id, 3 * time.Microsecond}, 8: {own, 4 * time.Microsecond}} {
					if s, err := r.Stats(pid, want.id); err != nil || s.CPU != want.cpu {
						t.Errorf("%d: %v, %v, want %v", pid, s.CPU, err, want.cpu)
					}
				}
			}
			if _, err := r.Stats(9, "gone"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("one that is gone: %v", err)
			}
		})
	}
}

func TestIsCgroupOf(t *testing.T) {
	for name, want := range map[string]bool{
		"web": true, "docker-web.scope": true, "cri-containerd-web.scope": true, "kubepods-pod1.slice:cri-containerd:web": true, "libpod-web": true,
		"libpod-conmon-web.scope": false, "myweb": false, "web1": false, "": false,
	} {
		if got := isCgroupOf(name, "web"); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if isCgroupOf("a-", "") {
		t.Error("a container without an id has a cgroup")
	}
}
