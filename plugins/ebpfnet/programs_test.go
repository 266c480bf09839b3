package ebpfnet

import (
	"os/exec"
	"strings"
	"testing"
)

// tshark returns fields of the packets of a file that match, one line each.
func tshark(t testing.TB, file, match string, fields ...string) [][]string {
	t.Helper()
	args := []string{"-r", file, "-Y", match, "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	must(t, err)
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}
