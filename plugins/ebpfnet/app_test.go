package ebpfnet

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
)

// controlEnv names the unix socket on which an application takes orders.
const controlEnv = "EBPFNET_TEST_APP"

// order is one thing an application is told to do.
type order struct {
	Do   string
	Addr string
	ID   int // of a socket
	N    int // bytes, or connections
	Kind string
}

// answer is what it says about it.
type answer struct {
	Err           string
	ID            int
	Addr          string
	N             int
	Written, Read uint64
	Info          tcpInfo
	Log           map[string]int // HTTP: how often which "method path status"
}

// app is an application under the control of the test.
type app struct {
	t    testing.TB
	pid  int
	conn net.Conn
	in   *bufio.Reader
	cmd  *exec.Cmd // nil for the child of another application
}

var appNumber atomic.Int64

func controlPath(t testing.TB) string {
	// Not t.TempDir: the path of a unix socket has at most 107 bytes.
	dir, err := os.MkdirTemp("", "app")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, fmt.Sprint(appNumber.Add(1)))
}

// start runs an application in a namespace.
func (h *host) start(t testing.TB) *app {
	t.Helper()
	path := controlPath(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), controlEnv+"="+path)
	cmd.Stderr = os.Stderr
	h.In(t, cmd.Start)
	a := connectApp(t, path)
	a.cmd, a.pid = cmd, cmd.Process.Pid
	t.Cleanup(a.stop)
	return a
}

func connectApp(t testing.TB, path string) *app {
	t.Helper()
	a := &app{t: t}
	nettest.Eventually(t, "the application listens", func() bool {
		conn, err := net.Dial("unix", path)
		a.conn = conn
		return err == nil
	})
	a.in = bufio.NewReader(a.conn)
	a.pid = a.do(order{Do: "pid"}).N
	return a
}

// stop ends the application; it is fine when it is dead already.
func (a *app) stop() {
	a.conn.Close()
	if a.cmd != nil {
		a.cmd.Wait()
		a.cmd = nil
	}
}

// kill ends it as kill -9 does.
func (a *app) kill() {
	a.t.Helper()
	must(a.t, a.cmd.Process.Kill())
	a.stop()
}

// try gives an order and returns the answer, errors included.
func (a *app) try(o order) answer {
	a.t.Helper()
	must(a.t, a.conn.SetDeadline(time.Now().Add(4*time.Minute)))
	must(a.t, json.NewEncoder(a.conn).Encode(o))
	line, err := a.in.ReadBytes('\n')
	must(a.t, err)
	var r answer
	must(a.t, json.Unmarshal(line, &r))
	return r
}

func (a *app) do(o order) answer {
	a.t.Helper()
	r := a.try(o)
	if r.Err != "" {
		a.t.Fatalf("%+v: %s", o, r.Err)
	}
	return r
}

func (a *app) listen(addr string) (id int, at string) {
	a.t.Helper()
	r := a.do(order{Do: "listen", Addr: addr})
	return r.ID, r.Addr
}

func (a *app) dial(addr string) int {
	a.t.Helper()
	return a.do(order{Do: "dial", Addr: addr}).ID
}

func (a *app) accept(listener int) int {
	a.t.Helper()
	return a.do(order{Do: "accept", ID: listener}).ID
}

func (a *app) write(id, n int) { a.t.Helper(); a.do(order{Do: "write", ID: id, N: n}) }
func (a *app) read(id, n int)  { a.t.Helper(); a.do(order{Do: "read", ID: id, N: n}) }
func (a *app) close(id int)    { a.t.Helper(); a.do(order{Do: "close", ID: id}) }
func (a *app) reset(id int)    { a.t.Helper(); a.do(order{Do: "reset", ID: id}) }
func (a *app) awaitEnd(id int) { a.t.Helper(); a.do(order{Do: "end", ID: id}) }
func (a *app) info(id int) tcpInfo {
	a.t.Helper()
	return a.do(order{Do: "info", ID: id}).Info
}
