package payload

import (
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
)

// maxVerified is what the verifier of any kernel may have to look at of one
// program: it gives up at a million. Those before 6.9 prune far less; 6.1
// looks at 130,000.
const maxVerified = 200_000

// TestProgramsStaySmall loads every program with all that can be wanted. The
// figures in its output are the ones to compare between kernels and versions.
func TestProgramsStaySmall(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: loads kernel programs")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	for _, load := range []func() (*ebpf.CollectionSpec, error){loadSkb, loadSock} {
		spec, err := load()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"want_udp", "want_http", "want_dns", "want_cgroup", "scoped_by_netns", "scoped_by_cgroup"} {
			if v := spec.Variables[name]; v != nil {
				if err := v.Set(true); err != nil {
					t.Fatal(err)
				}
			}
		}
		c, err := ebpf.NewCollection(spec)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for name, p := range c.Programs {
			info, err := p.Info()
			if err != nil {
				t.Fatal(err)
			}
			n, known := info.VerifiedInstructions() // from 5.16 on
			xlated, err := info.TranslatedSize()
			if err != nil && !errors.Is(err, ebpf.ErrNotSupported) {
				t.Fatal(err)
			}
			t.Logf("%s: %d instructions, %d looked at by the verifier", name, xlated/8, n)
			if known && n > maxVerified {
				t.Errorf("%s: the verifier looks at %d instructions, more than %d", name, n, maxVerified)
			}
		}
	}
}
