package tls

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"

	"datakit.dev/agent/internal/bpf"
)

// machineCode reads the functions of a program or C library.
type machineCode struct {
	file io.ReaderAt
	f    *elf.File
	arch arch
}

// codeBytes is how much of a function is looked at.
const codeBytes = 256

// at returns the code at an address and where it lies in the file. Behind
// a short function others follow.
func (c *machineCode) at(address uint64) (offset uint64, code []byte, err error) {
	if offset, err = fileOffset(c.f, address); err != nil {
		return 0, nil, err
	}
	code = make([]byte, codeBytes)
	n, err := c.file.ReadAt(code, int64(offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, err
	}
	return offset, code[:n], nil
}

// probes returns those of a library's functions, none when required ones are
// missing.
func (c *machineCode) probes(l library, symbols map[string]uint64) ([]bpf.Probe, error) {
	for _, fn := range functions[l] {
		if fn.required && symbols[fn.symbol] == 0 {
			return nil, nil
		}
	}
	c.dive(symbols)
	var probes []bpf.Probe
	for _, fn := range functions[l] {
		address := symbols[fn.symbol]
		if address == 0 {
			continue
		}
		offset, code, err := c.at(address)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", fn.symbol, err)
		}
		if c.arch.settle != nil {
			if at, ok := c.arch.settle(code, fn.arguments); ok {
				offset += uint64(at)
			}
		}
		probes = append(probes, bpf.Probe{Program: fn.enter, Offset: offset})
		if fn.leave != "" {
			probes = append(probes, bpf.Probe{Program: fn.leave, Offset: offset, Return: true})
		}
	}
	return probes, nil
}
