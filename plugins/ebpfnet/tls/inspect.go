package tls

import (
	"debug/elf"
	"fmt"
	"os"

	"datakit.dev/agent/internal/bpf"
)

// inspect finds out what is to be probed in a program or library: a list per
// library that it contains.
func inspect(path string) (found [libraries][]bpf.Probe, err error) {
	file, err := os.Open(path)
	if err != nil {
		return found, err
	}
	defer file.Close()
	f, err := elf.NewFile(file)
	if err != nil {
		return found, fmt.Errorf("read %s: %w", path, err)
	}
	if f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB || arches[f.Machine].begin == nil {
		return found, nil // its calls pass arguments in other ways
	}
	names := map[string]bool{}
	for _, list := range functions {
		for _, fn := range list {
			names[fn.symbol] = true
		}
	}
	symbols, err := findSymbols(f, names)
	if err != nil {
		return found, fmt.Errorf("read %s: %w", path, err)
	}
	code := machineCode{file, f, arches[f.Machine]}
	for l := range functions {
		if found[l], err = code.probes(library(l), symbols); err != nil {
			return found, fmt.Errorf("read %s: %w", path, err)
		}
	}
	if found[goTLS], err = goProbes(file, f); err != nil {
		return found, fmt.Errorf("read %s: %w", path, err)
	}
	return found, nil
}
