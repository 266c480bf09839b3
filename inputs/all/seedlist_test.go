package all

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"golang.org/x/sys/unix"
)

// seedList is ENV_ENABLE_INPUTS as people have it.
const seedList = "cpu,disk,diskio,mem,swap,system,hostobject,net,host_processes,container,ebpf"

// anyone is a user without any right of its own.
const anyone = 65534

// TestSeedList runs the agent with the whole list, as root and as a user who
// may do nothing: every measurement arrives in the local store, and what needs
// a right that is not there is reported without holding up the others.
func TestSeedList(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the programs")
	}
	programs := t.TempDir()
	for _, p := range []string{"datakit", "externals/datakit-ebpf", "externals/datakit-container"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(programs, p), "../../"+p).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", p, err, out)
		}
	}
	everywhere := []string{"metric cpu", "metric disk", "metric mem", "metric swap", "metric system", "metric filefd", "metric net",
		"object HOST", "object host_processes", "metric docker_containers", "object docker_containers"}
	if disks, _ := os.ReadDir("/sys/block"); len(disks) > 0 {
		everywhere = append(everywhere, "metric diskio")
	}
	t.Run("root", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs root")
		}
		inOwnNetwork(t, func(t *testing.T) {
			seedListAs(t, programs, 0, append(slices.Clone(everywhere), "network netflow"), nil)
		})
	})
	t.Run("anyone", func(t *testing.T) {
		if os.Geteuid() != 0 {
			seedListAs(t, programs, os.Geteuid(), everywhere, []string{"ebpf"})
			return
		}
		inOwnNetwork(t, func(t *testing.T) { seedListAs(t, programs, anyone, everywhere, []string{"ebpf"}) })
	})
}

// inOwnNetwork runs what it is given, and the programs that this starts, in a
// network namespace with nothing but lo.
func inOwnNetwork(t *testing.T, run func(t *testing.T)) {
	done := make(chan struct{})
	go func() { // whose thread ends with it
		defer close(done)
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = exec.Command("ip", "link", "set", "lo", "up").Run()
		}
		if err != nil {
			t.Errorf("make a network namespace: %v", err)
			return
		}
		run(t)
	}()
	<-done
}

// seedListAs runs the agent as a user until all that is wanted has arrived.
// Only the inputs in troubled may report an error.
func seedListAs(t *testing.T, programs string, uid int, want, troubled []string) {
	home := filepath.Join(t.TempDir(), "home")
	if err := os.CopyFS(home, os.DirFS(programs)); err != nil {
		t.Error(err)
		return
	}
	_ = os.Chmod(filepath.Dir(filepath.Dir(home)), 0o755)
	err := filepath.Walk(home, func(path string, _ os.FileInfo, err error) error {
		return errors.Join(err, os.Chown(path, uid, -1), os.Chmod(path, 0o755))
	})
	if err != nil {
		t.Error(err)
		return
	}
	socket, stop := fakeDocker(t)
	defer stop()
	namespace, _ := os.Readlink("/proc/thread-self/ns/net")
	namespace = strings.Trim(strings.TrimPrefix(namespace, "net:"), "[]")
	log := &lockedBuffer{}
	cmd := exec.Command(filepath.Join(home, "datakit"), "run", "--home", home)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "ENV_ENABLE_INPUTS=" + seedList, "ENV_HTTP_LISTEN=", "ENV_ENABLE_PPROF=no", "ENV_ULIMIT=0",
		"ENV_INPUT_HOST_PROCESSES_MIN_RUN_TIME=0s", "ENV_INPUT_CONTAINER_ENDPOINTS=unix://" + socket, "ENV_INPUT_NET_ENABLE_VIRTUAL_INTERFACES=yes",
		"ENV_INPUT_EBPF_INTERVAL=1s", "ENV_INPUT_EBPF_INCLUDE_LOOPBACK=yes", "ENV_INPUT_EBPF_SCOPE_NETNS=" + namespace}
	for _, name := range []string{"CPU", "DISK", "DISKIO", "MEM", "SWAP", "SYSTEM", "NET"} {
		cmd.Env = append(cmd.Env, "ENV_INPUT_"+name+"_INTERVAL=1s")
	}
	cmd.Stdout, cmd.Stderr = log, log
	if uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	talk, silence := conversation(t)
	defer silence()
	missing := want
	for end := time.Now().Add(30 * time.Second); len(missing) > 0 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		talk()
		missing = slices.DeleteFunc(slices.Clone(want), func(m string) bool { return slices.Contains(arrived(home), m) })
	}
	_ = cmd.Process.Signal(unix.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the agent ends with %v", err)
	}
	if len(missing) > 0 {
		t.Errorf("missing: %q, there is %q", missing, arrived(home))
	}
	reported := map[string]bool{}
	for line := range strings.Lines(log.String()) {
		if _, rest, ok := strings.Cut(line, "level=ERROR "); ok {
			_, rest, _ = strings.Cut(rest, "input=")
			name, _, _ := strings.Cut(rest, " ")
			reported[name] = true
			if !slices.Contains(troubled, name) {
				t.Errorf("an error: %s", line)
			}
		}
	}
	for _, name := range troubled {
		if !reported[name] {
			t.Errorf("%s reports nothing", name)
		}
	}
	if t.Failed() {
		t.Log(log.String())
	}
}

// fakeDocker answers like a Docker with one container, whose process is this
// one.
func fakeDocker(t *testing.T) (socket string, stop func()) {
	dir, err := os.MkdirTemp("", "dk") // t.TempDir is too long for a socket
	if err != nil {
		t.Error(err)
		return "", func() {}
	}
	_ = os.Chmod(dir, 0o755)
	answers := map[string]string{
		"/version": `{"Version":"27.0","ApiVersion":"1.46"}`, "/containers/json?all=1": `[{"Id":"a"}]`,
		"/containers/a/json": fmt.Sprintf(`{"Id":"a","Name":"/self","State":{"Status":"running","Running":true,"Pid":%d}}`, os.Getpid()),
	}
	l, err := net.Listen("unix", dir+"/d.sock")
	if err != nil {
		t.Error(err)
		return "", func() {}
	}
	_ = os.Chmod(dir+"/d.sock", 0o777)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, ok := answers[r.URL.RequestURI()]; ok {
			_, _ = io.WriteString(w, text)
		} else {
			http.NotFound(w, r)
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	return dir + "/d.sock", func() { _ = s.Close(); <-done; _ = os.RemoveAll(dir) }
}

// conversation returns a function that opens, uses and closes a connection.
func conversation(t *testing.T) (talk, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return func() {}, func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	talk = func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("hello"))
		_ = c.Close()
	}
	return talk, func() { _ = l.Close(); <-done }
}

// arrived lists category and measurement of what lies in the local store, as
// the reference decoder reads it.
func arrived(home string) (all []string) {
	files, _ := filepath.Glob(filepath.Join(home, "data/store/*.lp.gz"))
	for _, name := range files {
		packed, _ := os.ReadFile(name)
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			continue // not written yet
		}
		text, _ := io.ReadAll(z) // an error is the end of what is written
		category, _, _ := strings.Cut(filepath.Base(name), "-")
		for d := lineprotocol.NewDecoderWithBytes(text); d.Next(); {
			if m, err := d.Measurement(); err == nil && !slices.Contains(all, category+" "+string(m)) {
				all = append(all, category+" "+string(m))
			}
		}
	}
	return all
}

// lockedBuffer is a buffer that programs write to while a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
