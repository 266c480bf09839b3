//go:build e2e

package container

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const testImage = "example.test/tools/box:1"

// daemon is a containerd with folders of its own.
type daemon struct {
	t      testing.TB
	dir    string
	socket string
	space  string
}

// withoutCRI is containerd without CRI.
const withoutCRI = `disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
`

// startContainerd starts containerd, and ends it and all that is below it
// with the test.
func startContainerd(t testing.TB) *daemon {
	t.Helper()
	return startConfigured(t, "", withoutCRI)
}

// startConfigured starts containerd with more of a configuration. An empty
// namespace stands for one that nobody else has.
func startConfigured(t testing.TB, space, more string) *daemon {
	t.Helper()
	for _, program := range []string{"containerd", "ctr", "runc"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs containerd and runc: " + err.Error())
		}
	}
	if unix.Geteuid() != 0 {
		t.Skip("needs root to run containers")
	}
	dir, err := os.MkdirTemp("", "dkc") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, dir: dir, socket: filepath.Join(dir, "c.sock"), space: cmp.Or(space, "dk-"+filepath.Base(dir))}
	config := fmt.Sprintf(`version = 2
root = %q
state = %q
%s[grpc]
  address = %q
[ttrpc]
  address = %q
`, dir+"/root", dir+"/state", strings.ReplaceAll(more, "DIR", dir), d.socket, d.socket+".ttrpc")
	if err := os.WriteFile(dir+"/config.toml", []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("containerd", "--config", dir+"/config.toml")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.removeAll()
		_ = cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait()
		_ = log.Close()
		removeCgroups(d.space)
		removeCgroups(filepath.Base(dir))
		if t.Failed() {
			text, _ := os.ReadFile(dir + "/log")
			t.Logf("containerd: %s", text[max(0, len(text)-3000):])
		}
		_ = os.RemoveAll(dir)
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("unix", d.socket); err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("containerd does not answer")
		}
	}
	d.importImage()
	return d
}

// removeCgroups removes the empty cgroups that runc leaves, in every hierarchy.
func removeCgroups(name string) {
	for _, pattern := range []string{"/sys/fs/cgroup/%s", "/sys/fs/cgroup/*/%s"} {
		found, _ := filepath.Glob(fmt.Sprintf(pattern, name))
		for _, top := range found {
			var all []string
			_ = filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
				if err == nil && e.IsDir() {
					all = append(all, path)
				}
				return nil
			})
			for _, dir := range slices.Backward(all) {
				_ = unix.Rmdir(dir)
			}
		}
	}
}

// ctr runs containerd's own client.
func (d *daemon) ctr(args ...string) string {
	d.t.Helper()
	out, err := d.try(args...)
	if err != nil {
		d.t.Fatalf("ctr %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (d *daemon) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ctr", append([]string{"-a", d.socket, "-n", d.space}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// run starts a container of the test image.
func (d *daemon) run(id string, flags []string, args ...string) {
	d.t.Helper()
	all := append([]string{"run", "-d", "--snapshotter", "native"}, flags...)
	d.ctr(append(append(all, testImage, id, "/box"), args...)...)
}

func (d *daemon) removeAll() {
	list, _ := d.try("containers", "list", "-q")
	for id := range strings.FieldsSeq(list) {
		_, _ = d.try("task", "delete", "--force", id)
		_, _ = d.try("containers", "delete", id)
	}
}

func (d *daemon) importImage() {
	d.t.Helper()
	d.ctr("images", "import", "--snapshotter", "native", d.buildImage())
}

// buildImage builds a static program and an image with nothing else.
func (d *daemon) buildImage() (file string) {
	d.t.Helper()
	box := filepath.Join(d.dir, "box")
	build := exec.Command("go", "build", "-o", box, "./testdata/box")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		d.t.Fatalf("build the test program: %v\n%s", err, out)
	}
	program, err := os.ReadFile(box)
	if err != nil {
		d.t.Fatal(err)
	}
	layer := archive(d.t, map[string][]byte{"box": program})
	sum := sha256.Sum256(layer)
	config, _ := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{"Env": []string{"PATH=/"}, "Cmd": []string{"/box", "sleep"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	manifest, _ := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{testImage}, "Layers": []string{"layer.tar"}}})
	image := filepath.Join(d.dir, "image.tar")
	if err := os.WriteFile(image, archive(d.t, map[string][]byte{"config.json": config, "layer.tar": layer, "manifest.json": manifest}), 0o644); err != nil {
		d.t.Fatal(err)
	}
	return image
}

// archive makes a tar file.
func archive(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
