package bpftest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
)

// MaxVerified is what the verifier of any kernel may look at of one program:
// half of the million at which it gives up. Those before 6.9 prune far less.
// What guards against growth is the table.
const MaxVerified = 500_000

// verifiedFile holds what verifiers looked at, one line for each kernel and
// program: "6.18 egress 53072".
const verifiedFile = "testdata/verified.txt"

// Verified loads the programs of objects, one by one, with the constants in on
// true, and compares how many instructions the verifier looks at with the
// package's testdata/verified.txt: a tenth more fails, as does more than
// MaxVerified. A kernel or program that is not in there has nothing to compare
// with, and may refuse the program: not every kernel loads every rung. With
// update the lines of the running kernel are written anew; in a guest, which
// keeps no files, take them from the log.
func Verified(t *testing.T, update bool, on []string, load ...func() (*ebpf.CollectionSpec, error)) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: loads kernel programs")
	}
	must(t, rlimit.RemoveMemlock())
	text, err := os.ReadFile(verifiedFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	table, err := parseVerified(string(text))
	must(t, err)
	specs, err := bpf.Specs(load...)
	must(t, err)
	for _, spec := range specs {
		for name := range spec.Programs {
			key := release(t) + " " + name
			was, known := table[key]
			n, err := verified(spec, name, on)
			switch {
			case err != nil && known:
				t.Errorf("%s: %v", key, err)
				continue
			case err != nil:
				t.Logf("%s: refused: %v", key, err)
				continue
			case known && !update && n > was+was/10:
				t.Errorf("%s: the verifier looks at %d instructions, more than a tenth beyond %d", key, n, was)
			case n > MaxVerified:
				t.Errorf("%s: the verifier looks at %d instructions, more than %d", key, n, MaxVerified)
			}
			t.Logf("%s %d", key, n)
			table[key] = n
		}
	}
	if update {
		must(t, os.MkdirAll(filepath.Dir(verifiedFile), 0o755))
		must(t, os.WriteFile(verifiedFile, []byte(formatVerified(table)), 0o644))
	}
}

// verified loads one program of an object and returns what the verifier says
// at the end of its log: "processed 53072 insns (limit 1000000) …".
func verified(spec *ebpf.CollectionSpec, program string, on []string) (n int, err error) {
	spec = spec.Copy()
	maps.DeleteFunc(spec.Programs, func(name string, _ *ebpf.ProgramSpec) bool { return name != program })
	for _, name := range on {
		if v := spec.Variables[name]; v != nil {
			if err := v.Set(true); err != nil {
				return 0, err
			}
		}
	}
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		Programs: ebpf.ProgramOptions{LogLevel: ebpf.LogLevelStats},
	})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	log := c.Programs[program].VerifierLog
	_, after, _ := strings.Cut(log, "processed ")
	if _, err := fmt.Sscan(after, &n); err != nil {
		return 0, fmt.Errorf("read verifier's log %q: %w", log, err)
	}
	return n, nil
}

// release is the version of the kernel, without what patches change: "6.1".
func release(t *testing.T) string {
	t.Helper()
	var u unix.Utsname
	must(t, unix.Uname(&u))
	parts := strings.SplitN(unix.ByteSliceToString(u.Release[:]), ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func parseVerified(text string) (map[string]int, error) {
	table := map[string]int{}
	for line := range strings.Lines(text) {
		var kernel, program string
		var n int
		if _, err := fmt.Sscanf(line, "%s %s %d", &kernel, &program, &n); err != nil {
			return nil, fmt.Errorf("read %s: line %q is not kernel, program, number: %w", verifiedFile, line, err)
		}
		table[kernel+" "+program] = n
	}
	return table, nil
}

func formatVerified(table map[string]int) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&b, "%s %d\n", key, table[key])
	}
	return b.String()
}
