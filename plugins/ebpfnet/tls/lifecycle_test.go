package tls

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// asksOften loads OpenSSL and asks once for every line it gets.
const asksOften = `
import http.client, ssl, sys
host, port = sys.argv[1].split(":")
print("ready", flush=True)
for line in sys.stdin:
    c = http.client.HTTPSConnection(host, int(port), context=ssl._create_unverified_context())
    c.request("GET", "/small0")
    c.getresponse().read()
    c.close()
    print("done", flush=True)
`

// asker is a process with a library of its own.
type asker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startAsker runs it with the libraries in dir, which prepare, a piece of
// shell, has filled in the mount namespace of the process.
func startAsker(t *testing.T, h *nettest.Host, dir, prepare, addr string) *asker {
	t.Helper()
	script := prepare + ` export LD_LIBRARY_PATH=$0 && exec /usr/bin/python3 -c "$1" "$2"`
	cmd := exec.Command("/bin/sh", "-c", script, dir, asksOften, addr)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	a := &asker{cmd, in, bufio.NewReader(out)}
	h.In(t, cmd.Start)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	a.hear(t, "ready\n")
	return a
}

func (a *asker) hear(t *testing.T, want string) {
	t.Helper()
	if line, err := a.out.ReadString('\n'); line != want {
		t.Fatalf("heard %q, %v", line, err)
	}
}

func (a *asker) ask(t *testing.T) {
	t.Helper()
	fmt.Fprintln(a.in)
	a.hear(t, "done\n")
}

func (a *asker) kill() {
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
}

// TestLifeCycle: processes and libraries come and go; what was opened and
// attached for them goes too, and nothing that they did is missed.
func TestLifeCycle(t *testing.T) {
	var files []string
	for _, name := range []string{"ssl", "crypto"} {
		found, err := filepath.Glob("/usr/lib/*/lib" + name + ".so.[13]*")
		must(t, err)
		files = append(files, found...)
	}
	if len(files) != 2 {
		t.Skip("needs OpenSSL")
	}
	nettest.Need(t, "curl", "python3", "xargs")
	w := nettest.New(t)
	server := startNginx(t, w.Far, "")
	var ahead atomic.Int64 // of the clock, ns
	o := observe(t, w, func(c *Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	o.uses(server.pid)
	open := openFiles(t)

	// settles lets time pass until only nginx's library has probes.
	settles := func(after string) {
		t.Helper()
		nettest.Eventually(t, "only nginx's library has probes after "+after, func() bool {
			ahead.Add(int64(listTime))
			o.tracer.Executed(uint32(server.pid))
			found := o.tracer.Found()
			return found.Files == [libraries]int{openSSL: 1} && found.Processes == 1
		})
		now := openFiles(t)
		maps.DeleteFunc(now, func(file string, n int) bool { return n <= open[file] })
		if len(now) > 0 {
			t.Errorf("open after %s: %v; before: %v", after, now, open)
		}
	}

	t.Run("short processes", func(t *testing.T) {
		run(t, w.Near, "sh", "-c", `seq 200 | xargs -P 4 -I{} curl -sk -o /dev/null "https://$0/small{}"`, server.addr)
		if n := total(server.served(t)); n != 200 {
			t.Errorf("nginx has answered %d times", n)
		}
		settles("short processes")
	})

	t.Run("upgrade of a library", func(t *testing.T) {
		dir := t.TempDir()
		must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		install := func() {
			for _, from := range files {
				data, err := os.ReadFile(from)
				must(t, err)
				to := filepath.Join(dir, filepath.Base(from))
				must(t, os.WriteFile(to+".new", data, 0o755))
				must(t, os.Rename(to+".new", to))
			}
		}
		install()
		older := startAsker(t, w.Near, dir, "", server.addr)
		o.uses(older.cmd.Process.Pid)
		install()
		newer := startAsker(t, w.Near, dir, "", server.addr)
		o.uses(newer.cmd.Process.Pid)
		if n := o.tracer.Found().Files[openSSL]; n != 3 {
			t.Errorf("%d files with OpenSSL, want nginx's, the old and the new", n)
		}
		for range 5 {
			older.ask(t)
			newer.ask(t)
		}
		older.kill()
		newer.kill()
		settles("the upgrade")
		nettest.Eventually(t, "the file system is free", func() bool { return unix.Unmount(dir, 0) == nil })
	})

	t.Run("a container goes", func(t *testing.T) {
		for range 5 {
			prepare := "mount -t tmpfs none $0 && cp"
			for _, from := range files {
				prepare += " " + from
			}
			inside := startAsker(t, w.Near, t.TempDir(), prepare+" $0 &&", server.addr)
			o.uses(inside.cmd.Process.Pid)
			inside.ask(t)
			inside.kill()
		}
		settles("the containers")
	})

	served := server.served(t)
	o.want(flow.Incoming, served)
	asked := 0
	for r, n := range o.snapshot() {
		if r.direction == flow.Outgoing {
			asked += n
		}
	}
	if asked != total(served) {
		t.Errorf("clients have asked %d times, nginx has answered %d", asked, total(served))
	}
	o.balanced()
}

// openFiles is what this process has open of the kernel's own, and how often:
// programs, maps, and a link or two per probe among them.
func openFiles(t testing.TB) map[string]int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	open := map[string]int{}
	for _, fd := range all {
		if file, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(file, "anon_inode:bpf") {
			open[file]++
		}
	}
	return open
}
