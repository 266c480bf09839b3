package tls

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/bpf"
)

// Why a Go program is not observed.
var (
	errGoTooOld = errors.New("built with a Go version that passes arguments on the stack")
	errNoCode   = errors.New("the code of crypto/tls is not as expected")
)

// goProbes returns the probes of a Go program; none when it does no TLS.
func goProbes(file io.ReaderAt, f *elf.File) ([]bpf.Probe, error) {
	functions, memmove, err := goFunctions(f)
	if err != nil || len(functions) == 0 {
		return nil, err
	}
	info, err := buildinfo.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCode, err)
	}
	arch := arches[f.Machine]
	if minor, ok := goMinor(info.GoVersion); ok && minor < arch.since {
		return nil, fmt.Errorf("%w: %s", errGoTooOld, info.GoVersion)
	}
	var probes []bpf.Probe
	for _, fn := range functions {
		code := make([]byte, fn.end-fn.entry)
		offset, err := fileOffset(f, fn.entry)
		if err != nil {
			return nil, err
		}
		if _, err := file.ReadAt(code, int64(offset)); err != nil {
			return nil, fmt.Errorf("read code of %s: %w", fn.name, err)
		}
		more, err := fn.probes(arch, code, offset, memmove)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errNoCode, fn.name, err)
		}
		probes = append(probes, more...)
	}
	return probes, nil
}

// goMinor reads the 26 of "go1.26.8"; a development version has none.
func goMinor(version string) (int, bool) {
	rest, ok := strings.CutPrefix(version, "go1.")
	if !ok {
		return 0, false
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		rest = rest[:end]
	}
	n, err := strconv.Atoi(rest)
	return n, err == nil
}

// goFunction is a function of a Go program.
type goFunction struct {
	name       string
	entry, end uint64 // addresses
}

// The methods of crypto/tls that are probed, and what copies memory.
const (
	connRead  = "crypto/tls.(*Conn).Read"
	connWrite = "crypto/tls.(*Conn).Write"
	connClose = "crypto/tls.(*Conn).Close"

	copyMemory = "runtime.memmove"
)

// probes of a function, whose code begins at an offset in the file.
func (fn *goFunction) probes(arch arch, code []byte, offset, memmove uint64) ([]bpf.Probe, error) {
	begin, err := arch.begin(code)
	if err != nil {
		return nil, err
	}
	switch fn.name {
	case connWrite:
		return []bpf.Probe{{Program: "go_write", Offset: offset + uint64(begin)}}, nil
	case connClose:
		return []bpf.Probe{{Program: "go_close", Offset: offset + uint64(begin)}}, nil
	}
	if arch.copies != nil {
		if at, ok := arch.copies(code, memmove-fn.entry); ok {
			return []bpf.Probe{{Program: "go_copy", Offset: offset + uint64(at)}}, nil
		}
	}
	returns, err := arch.returns(code)
	if err != nil {
		return nil, err
	}
	// The check leaves the stack pointer what it is at returns.
	probes := []bpf.Probe{{Program: "go_read", Offset: offset + uint64(begin)}}
	for _, at := range returns {
		probes = append(probes, bpf.Probe{Program: "go_read_return", Offset: offset + uint64(at)})
	}
	return probes, nil
}
