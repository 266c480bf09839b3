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
	for l := range functions {
		if found[l], err = libraryProbes(f, functions[l], symbols); err != nil {
			return found, fmt.Errorf("read %s: %w", path, err)
		}
	}
	if found[goTLS], err = goProbes(file, f); err != nil {
		return found, fmt.Errorf("read %s: %w", path, err)
	}
	return found, nil
}

// libraryProbes returns the probes of the functions, none when required ones
// are missing.
func libraryProbes(f *elf.File, functions []function, symbols map[string]uint64) ([]bpf.Probe, error) {
	var probes []bpf.Probe
	for _, fn := range functions {
		address, ok := symbols[fn.symbol]
		if !ok && fn.required {
			return nil, nil
		}
		if !ok {
			continue
		}
		offset, err := fileOffset(f, address)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", fn.symbol, err)
		}
		probes = append(probes, bpf.Probe{Program: fn.enter, Offset: offset})
		if fn.leave != "" {
			probes = append(probes, bpf.Probe{Program: fn.leave, Offset: offset, Return: true})
		}
	}
	return probes, nil
}
