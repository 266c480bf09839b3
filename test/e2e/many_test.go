//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// holdEnv makes this program hold as many connections over loopback, both
// ends, until its standard input ends.
const holdEnv = "E2E_HOLD"

func hold(connections string) error {
	n, err := strconv.Atoi(connections)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var held []net.Conn
	for range n {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return err
		}
		server, err := l.Accept()
		if err != nil {
			return err
		}
		held = append(held, client, server)
	}
	fmt.Println("held")
	_, err = os.Stdin.Read(make([]byte, 1))
	for _, c := range held {
		err = errors.Join(err, c.Close())
	}
	return nil
}

// TestManyConnections: what both processes take while tens of thousands of
// connections are open. The bound is far above what is expected; the log has
// the figures.
func TestManyConnections(t *testing.T) {
	needRoot(t, "attaches kernel programs")
	const perHolder, bound = 5000, 96 << 20
	ends := 2 * perHolder * pick(1, 5)
	a := newAgent(t, t.TempDir())
	a.collect(t)
	a.start(t)
	collector := a.collector(t)
	for range ends / 2 / perHolder {
		holder(t, perHolder)
	}
	open := func() int64 {
		for _, acc := range a.accounts(t) {
			if acc.Name == "events/ebpf-net/connections" {
				return count(acc.Held, "table", "")
			}
		}
		return 0
	}
	eventually(t, time.Minute, func() (bool, string) {
		n := open()
		return n >= int64(ends), fmt.Sprintf("%d connections in the table", n)
	})
	time.Sleep(5 * time.Second) // some intervals
	for name, pid := range map[string]int{"datakit": a.cmd.Process.Pid, "datakit-ebpf": collector} {
		rss := resident(t, pid)
		t.Logf("%s: %.1f MiB resident with %d live connections", name, float64(rss)/(1<<20), open())
		if rss > bound {
			t.Errorf("%s takes %d MiB, more than %d", name, rss>>20, bound>>20)
		}
	}
}

func holder(t *testing.T, connections int) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), holdEnv+"="+strconv.Itoa(connections))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatalf("hold connections: %v", err)
	}
}

// resident is VmRSS of a process, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/status", pid))) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatalf("process %d has no VmRSS", pid)
	return 0
}
