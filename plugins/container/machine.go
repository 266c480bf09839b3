package container

import (
	"errors"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/procfs"
)

// readMachine reads the cores and the memory of the host, which is not always
// what this process may use.
func readMachine(root hostfs.Root) (machine, error) {
	var file procfs.Reader
	var stat procfs.Stat
	var info procfs.Meminfo
	for _, f := range []struct {
		name  string
		parse func([]byte) error
	}{{"stat", stat.Parse}, {"meminfo", info.Parse}} {
		data, err := file.Read(root.Proc(f.name))
		if err == nil {
			err = f.parse(data)
		}
		if err != nil {
			return machine{}, err
		}
	}
	if stat.Online() == 0 {
		return machine{}, errors.New("no processor in /proc/stat")
	}
	return machine{cores: stat.Online(), memory: info.Total()}, nil
}
