package container

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/hostfs"
)

// readMachine reads the cores and the memory of the host, which is not always
// what this process may use.
func readMachine(root hostfs.Root) (machine, error) {
	stat, err := os.ReadFile(root.Proc("stat"))
	if err != nil {
		return machine{}, err
	}
	info, err := os.ReadFile(root.Proc("meminfo"))
	if err != nil {
		return machine{}, err
	}
	m := machine{cores: countCores(string(stat)), memory: memTotal(string(info))}
	if m.cores == 0 {
		return m, errors.New("no processor in /proc/stat")
	}
	return m, nil
}

// countCores counts the lines "cpu0 …" of /proc/stat.
func countCores(stat string) (n int) {
	for line := range strings.Lines(stat) {
		if rest, ok := strings.CutPrefix(line, "cpu"); ok && rest[0] >= '0' && rest[0] <= '9' {
			n++
		}
	}
	return n
}

// memTotal reads "MemTotal: 1 kB" of /proc/meminfo in bytes.
func memTotal(info string) uint64 {
	for line := range strings.Lines(info) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			n, _ := strconv.ParseUint(f[1], 10, 64)
			return n * 1024
		}
	}
	return 0
}
