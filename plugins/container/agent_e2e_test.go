//go:build e2e

package container

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// installation is the agent with its external, in a home of its own.
type installation struct {
	t    *testing.T
	home string
	log  bytes.Buffer
	cmd  *exec.Cmd
}

func install(t *testing.T, dir string, conf map[string]string) *installation {
	t.Helper()
	in := &installation{t: t, home: filepath.Join(dir, "home")}
	for program, at := range map[string]string{"../../datakit": "datakit", "../../externals/datakit-container": "externals/datakit-container"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(in.home, at), program).CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	if err := os.MkdirAll(filepath.Join(in.home, "conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range conf {
		if err := os.WriteFile(filepath.Join(in.home, "conf.d", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

func (in *installation) start() {
	in.t.Helper()
	in.cmd = exec.Command(filepath.Join(in.home, "datakit"), "run", "--home", in.home)
	in.cmd.Stdout, in.cmd.Stderr = &in.log, &in.log
	if err := in.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
}

// ledger checks that every line and every point is explained.
func (in *installation) ledger() {
	in.t.Helper()
	out, err := exec.Command(filepath.Join(in.home, "datakit"), "ledger", "--home", in.home).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "events/container/log_lines") {
		in.t.Errorf("ledger: %v\n%s", err, out)
	}
	in.t.Logf("%s", out)
}

// end ends the agent and waits for it.
func (in *installation) end(s unix.Signal) {
	_ = in.cmd.Process.Signal(s)
	if err := in.cmd.Wait(); err != nil && s == unix.SIGTERM {
		in.t.Errorf("%v\n%s", err, in.log.String())
	}
}

// killChild kills the external, which the agent starts again.
func (in *installation) killChild() (killed int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", in.cmd.Process.Pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for pid := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(pid); err == nil && unix.Kill(n, unix.SIGKILL) == nil {
				killed++
			}
		}
	}
	return killed
}

// rotateByName does what the kubelet does with the log of a container.
func (k *kubelet) rotateByName(id, path string, n int) error {
	old, _ := filepath.Glob(path + ".*")
	for _, name := range old {
		if strings.HasSuffix(name, ".gz") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, werr := z.Write(text)
		if err := errors.Join(werr, z.Close(), os.WriteFile(name+".tmp", packed.Bytes(), 0o600), os.Rename(name+".tmp", name+".gz"), os.Remove(name)); err != nil {
			return err
		}
	}
	if err := os.Rename(path, fmt.Sprintf("%s.20260101-%06d", path, n)); err != nil {
		return err
	}
	_, err := k.api.ReopenContainerLog(context.Background(), &cri.ReopenContainerLogRequest{ContainerId: id})
	return err
}

// rotateByCopy does what logrotate does with copytruncate. What is written
// between copy and truncation is lost in any case.
func rotateByCopy(path string) error {
	old, _ := filepath.Glob(path + ".*")
	for n := len(old); n > 0; n-- {
		if err := os.Rename(fmt.Sprintf("%s.%d", path, n), fmt.Sprintf("%s.%d", path, n+1)); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path+".1", text, 0o600), os.Truncate(path, 0))
}

// kept returns the messages in a log and all that was rotated away of it.
func kept(t *testing.T, path string) (lines []string) {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if text, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		for line := range strings.Lines(string(text)) {
			if _, message, ok := strings.Cut(line, " F "); ok && strings.HasSuffix(line, "\n") {
				lines = append(lines, strings.TrimSuffix(message, "\n"))
			}
		}
	}
	return lines
}

// TestLogsThroughTheAgent: pods write, their logs are rotated in both ways, and
// the agent, its external, or both are killed again and again. The oracle is
// what the files hold in the end.
func TestLogsThroughTheAgent(t *testing.T) {
	k := startKubelet(t)
	r := &receiver{t: t, got: map[string]map[string]int{}}
	server := httptest.NewServer(r)
	defer server.Close()
	in := install(t, k.dir, map[string]string{
		"datakit.conf": fmt.Sprintf("enable_pprof = false\n[http_api]\nlisten = \"\"\n[dataway]\nurls = [\"%s?token=tkn_test\"]\n", server.URL),
		"container.conf": fmt.Sprintf("[[inputs.container]]\nendpoints = [\"unix://%s\"]\nenable_container_metric = false\ncontainer_exclude_log = []\n"+
			"logging_search_interval = \"1s\"\nlogging_file_from_beginning = true\n", k.socket),
	})
	const lines, kills = 40000, 8
	paths := map[string]string{}
	ids := map[string]string{}
	for _, name := range []string{"renamed", "copied"} {
		ids[name] = k.pod(name, map[string]string{optionsKey: `[{"source":"` + name + `"}]`}, 0, "count", fmt.Sprint(lines), "300")
		paths[name] = filepath.Join(k.dir, "pods", name, "main", "0.log")
	}
	// Lines of which the runtime makes three pieces, between which it rotates.
	const longLines, long = 600, 40000
	ids["long"] = k.pod("long", map[string]string{optionsKey: `[{"source":"long"}]`}, 0, "long", fmt.Sprint(longLines), fmt.Sprint(long), "20")
	rotating, stop := context.WithCancel(t.Context())
	rotated := make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-rotating.Done():
				rotated <- nil
				return
			case <-time.After(400 * time.Millisecond):
			}
			if err := errors.Join(k.rotateByName(ids["renamed"], paths["renamed"], n), rotateByCopy(paths["copied"]), k.rotateByName(ids["long"], filepath.Join(k.dir, "pods/long/main/0.log"), n)); err != nil {
				rotated <- err
				return
			}
		}
	}()
	in.start()
	children := 0
	for i := range kills {
		time.Sleep(time.Duration(1200+i*100) * time.Millisecond)
		switch i % 3 {
		case 0:
			in.end(unix.SIGKILL)
			in.start()
		case 1:
			children += in.killChild()
		case 2:
			children += in.killChild()
			in.end(unix.SIGKILL)
			in.start()
		}
	}
	stop()
	if err := <-rotated; err != nil {
		t.Fatal(err)
	}
	if children < 2 {
		t.Errorf("only %d times an external was there to be killed", children)
	}
	began := time.Now()
	complete := func() bool {
		n, _ := r.count("renamed")
		l, _ := r.count("long")
		return n == lines && l == longLines && len(r.missing("copied", kept(t, paths["copied"]))) == 0
	}
	for end := time.Now().Add(60 * time.Second); !complete() && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
	}
	t.Logf("complete after %v", time.Since(began))
	in.ledger()
	in.end(unix.SIGTERM)
	doubled := map[string]int{}
	for name, path := range paths {
		all := kept(t, path)
		got, twice := r.count(name)
		doubled[name] = twice
		t.Logf("%s: %d lines in %d files, %d arrived, %d of them twice; largest body %d, %d kills", name, len(all), len(files(path)), got, twice, r.largest, kills)
		if missing := r.missing(name, all); len(missing) > 0 || len(all) == 0 {
			t.Errorf("%s: %d lines did not arrive, such as %q", name, len(missing), missing[0])
		}
		if twice > kills*r.largest {
			t.Errorf("%s: %d lines came twice", name, twice)
		}
	}
	var whole []string
	for i := range longLines {
		whole = append(whole, fmt.Sprintf("line %d %s", i, strings.Repeat("x", long)))
	}
	if n, _ := r.count("long"); n != longLines || len(r.missing("long", whole)) > 0 {
		t.Errorf("long: %d of %d lines are whole, %d different ones arrived", longLines-len(r.missing("long", whole)), longLines, n)
	}
	if n, _ := r.count("renamed"); n != lines {
		t.Errorf("renamed: %d of %d lines", n, lines)
	}
	// Graceful restarts double nothing.
	for range 2 {
		in.start()
		time.Sleep(3 * time.Second)
		in.end(unix.SIGTERM)
	}
	for name, before := range doubled {
		if _, twice := r.count(name); twice != before {
			t.Errorf("%s: %d lines twice after graceful restarts, %d before", name, twice, before)
		}
	}
	if t.Failed() {
		log := in.log.String()
		t.Log(log[max(0, len(log)-6000):])
	}
}

func files(path string) []string {
	all, _ := filepath.Glob(path + "*")
	return all
}

// missing lists what did not arrive of a source.
func (r *receiver) missing(source string, lines []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return r.got[source][l] > 0 })
}
