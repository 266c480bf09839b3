package tls

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// asks is a Python program that loads OpenSSL, waits for a line, and asks.
const asks = `
import sys, requests, urllib3
urllib3.disable_warnings()
print("ready", flush=True)
sys.stdin.readline()
s = requests.Session()
for i in range(20):
    s.get("https://%s/small%d" % (sys.argv[1], i % 5), verify=False)
`

// TestOwnMounts: a library that only the process itself can see, as in
// a container, and one whose file was deleted.
func TestOwnMounts(t *testing.T) {
	libraries, err := filepath.Glob("/usr/lib/*/libssl.so.[13]*")
	must(t, err)
	crypto, err := filepath.Glob("/usr/lib/*/libcrypto.so.[13]*")
	must(t, err)
	if len(libraries) == 0 || len(crypto) == 0 {
		t.Skip("needs OpenSSL")
	}
	for _, tt := range []struct{ name, prepare, tidy string }{
		{"own mount namespace", "mount -t tmpfs none $0 && ", ""},
		{"deleted", "", "rm"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nettest.Need(t, "python3")
			w := nettest.New(t)
			server := startNginx(t, w.Far, "")
			dir := t.TempDir()
			script := tt.prepare + `cp "$1" "$2" $0 && export LD_LIBRARY_PATH=$0 && exec /usr/bin/python3 -c "$3" "$4"`
			cmd := exec.Command("/bin/sh", "-c", script, dir, libraries[0], crypto[0], asks, server.addr)
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			cmd.Stderr = os.Stderr
			stdin, err := cmd.StdinPipe()
			must(t, err)
			stdout, err := cmd.StdoutPipe()
			must(t, err)
			w.Near.In(t, cmd.Start)
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
				t.Skipf("needs Python with requests: %q %v", line, err)
			}
			copied := filepath.Join(dir, filepath.Base(libraries[0]))
			if tt.tidy != "" {
				must(t, os.Remove(copied))
			}
			if _, err := os.Stat(copied); !os.IsNotExist(err) {
				t.Fatalf("the library can be seen from here: %v", err)
			}
			o := observe(t, w)
			o.uses(server.pid)
			o.uses(cmd.Process.Pid)
			fmt.Fprintln(stdin, "go")
			must(t, cmd.Wait())
			o.want(flow.Outgoing, mirrored(server.served(t), cmd.Process.Pid))
			o.want(flow.Incoming, server.served(t))
			if n := o.tracer.Found().Files[openSSL]; n != 2 {
				t.Errorf("%d files with OpenSSL, want nginx's and the other", n)
			}
		})
	}
}
