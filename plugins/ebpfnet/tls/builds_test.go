package tls

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// build is a way to build a Go program.
type build struct {
	name string
	cgo  string
	args []string
}

// notInlined leaves Read without the call of memmove that is looked for, so
// that it is met where it begins and returns.
const notInlined = "not inlined"

// TestGoBuilds: programs without symbols, and linked in other ways, which
// start when the probes are looked for already.
func TestGoBuilds(t *testing.T) {
	for _, tt := range builds {
		t.Run(tt.name, func(t *testing.T) {
			w := nettest.New(t)
			binary := buildGo(t, tt)
			found, err := inspect(binary)
			must(t, err)
			returns := slices.ContainsFunc(found[goTLS], func(p bpf.Probe) bool { return p.Program == "go_read_return" })
			if want := tt.name == notInlined || runtime.GOARCH != "amd64"; returns != want {
				t.Errorf("probes at returns: %v, want %v", returns, want)
			}
			cert, key := certificate(t)
			o := observe(t, w)
			server, client := start(t, w.Far, "", binary), start(t, w.Near, "", binary)
			o.uses(server.pid)
			o.uses(client.pid)
			addr := server.do("serve %s:0 %s %s", w.Far.V4, cert, key)
			client.do("get https://%s/a 50", addr)
			o.want(flow.Outgoing, expect(flow.Outgoing, client.pid, addr, "1.1", "/a", 200, 50))
			o.want(flow.Incoming, expect(flow.Incoming, server.pid, addr, "1.1", "/a", 200, 50))
			o.balanced()
		})
	}
}

func buildGo(t testing.TB, b build) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	nettest.Need(t, "go")
	cmd := exec.Command("go", append(append([]string{"build", "-o", binary}, b.args...), "./testdata/goprogram")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+b.cgo)
	out, err := cmd.CombinedOutput()
	if err != nil && b.cgo == "1" && (bytes.Contains(out, []byte("C compiler")) || strings.Contains(string(out), "gcc")) {
		t.Skipf("needs a C compiler: %s", out)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}
