package tls

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// linkage is a library that a C program is built with.
type linkage struct {
	name  string
	needs string // a file, and the package that has it
	from  string
	args  []string
}

var linkages = []linkage{
	{"BoringSSL", "/usr/include/android/openssl/is_boringssl.h", "android-libboringssl-dev", []string{
		"-I/usr/include/android", "-L{lib}/android", "-Wl,-rpath,{lib}/android", "-lssl", "-lcrypto"}},
	{"OpenSSL, linked in", "{lib}/libssl.a", "libssl-dev", []string{"{lib}/libssl.a", "{lib}/libcrypto.a", "-ldl", "-pthread"}},
}

// buildC builds the C program with a library.
func buildC(t testing.TB, l linkage) string {
	t.Helper()
	nettest.Need(t, "gcc")
	dirs, err := filepath.Glob("/usr/lib/*-linux-gnu")
	must(t, err)
	for _, dir := range dirs {
		in := func(text string) string { return strings.ReplaceAll(text, "{lib}", dir) }
		if _, err := os.Stat(in(l.needs)); err != nil {
			continue
		}
		binary := filepath.Join(t.TempDir(), "program")
		args := []string{"-O1", "-o", binary, "testdata/cprogram/main.c"}
		for _, a := range l.args {
			args = append(args, in(a))
		}
		if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return binary
	}
	t.Skipf("needs %s", l.from)
	return ""
}

// TestLinked: C programs with BoringSSL, and with OpenSSL linked in, that let
// the library have the socket or send by themselves. nginx and curl, at the
// other end, say what there was.
func TestLinked(t *testing.T) {
	for _, l := range linkages {
		for _, transport := range []string{"fd", "memory"} {
			t.Run(l.name+" by "+transport, func(t *testing.T) {
				const n = 40
				nettest.Need(t, "curl")
				w := nettest.New(t)
				binary := buildC(t, l)
				theirs := startNginx(t, w.Far, "")
				cert, key := certificate(t)
				ours := w.Far.Daemon(t, binary, "server", w.Far.V4, "4433", transport, cert, key)
				addr := w.Far.V4 + ":4433"
				w.Far.Listens(t, addr)
				o := observe(t, w)
				o.uses(theirs.pid)
				o.uses(ours.Process.Pid)

				client := exec.Command(binary, "client", w.Far.V4, "443", transport, fmt.Sprint(n))
				w.Near.Finish(t, client)
				args := []string{"-sk", "--http1.1"}
				for i := range n {
					args = append(args, "-o", "/dev/null", fmt.Sprintf("https://%s/small%d", addr, i%5))
				}
				curl := run(t, w.Near, "curl", args...)

				served := theirs.served(t)
				if total(served) != n {
					t.Errorf("nginx has answered %d times", total(served))
				}
				answered := expect(flow.Incoming, ours.Process.Pid, addr, "1.1", "/small", 200, n)
				o.want(flow.Outgoing, join(mirrored(served, client.Process.Pid), mirrored(answered, curl)))
				o.want(flow.Incoming, join(served, answered))
				o.balanced()
			})
		}
	}
}

func join(all ...map[result]int) map[result]int {
	sum := map[result]int{}
	for _, m := range all {
		for r, n := range m {
			sum[r] += n
		}
	}
	return sum
}
