package tls

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// TestKernelTLS: nginx leaves encrypting to the kernel and sends files by
// SSL_sendfile, whose bytes no buffer of a process holds.
func TestKernelTLS(t *testing.T) {
	ulps, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_available_ulp")
	if !strings.Contains(string(ulps), "tls") {
		t.Skip("needs a kernel with TLS: CONFIG_TLS, modprobe tls")
	}
	for _, version := range []string{"http1.1", "http2"} {
		t.Run(version, func(t *testing.T) {
			nettest.Need(t, "curl")
			const n = 20
			w := nettest.New(t)
			server := startNginx(t, w.Far, "sendfile on; ssl_conf_command Options KTLS;")
			o := observe(t, w)
			o.uses(server.pid)
			args := []string{"-sk", "--" + version}
			for i := range n {
				for _, path := range []string{"large", "small", "gone"} {
					args = append(args, "-o", "/dev/null", fmt.Sprintf("https://%s/%s%d", server.addr, path, i%5))
				}
			}
			curl := run(t, w.Near, "curl", args...)
			served := server.served(t)
			if total(served) != 3*n {
				t.Errorf("nginx has answered %d times", total(served))
			}
			o.want(flow.Incoming, served)
			o.want(flow.Outgoing, mirrored(served, curl))
			o.balanced()
			if sessions := kernelSessions(t, server.pid); sessions == 0 {
				t.Error("the kernel has encrypted nothing: nginx or OpenSSL without kernel TLS")
			}
			if o.bytes < 2*n*60000 {
				t.Errorf("%d bytes of plaintext", o.bytes)
			}
		})
	}
}

// kernelSessions is how many sessions the kernel has encrypted in the
// namespace of a process: /proc/net/tls_stat.
func kernelSessions(t testing.TB, pid int) (n int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tls_stat", pid))
	must(t, err)
	for line := range strings.Lines(string(stat)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "TlsTxSw" {
			n, err = strconv.Atoi(f[1])
			must(t, err)
		}
	}
	return n
}
