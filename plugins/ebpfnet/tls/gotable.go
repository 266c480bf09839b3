package tls

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"fmt"
)

// maxTable bounds the table of functions that is read into memory; programs
// of 150 MB have one of 40.
const maxTable = 96 << 20

// goFunctions finds the methods, and where memory is copied, by the table that
// every Go program carries for its stack traces, stripped or not.
func goFunctions(f *elf.File) (found []goFunction, memmove uint64, err error) {
	section := f.Section(".gopclntab")
	if section == nil {
		section = f.Section(".data.rel.ro.gopclntab") // position independent
	}
	if section == nil {
		return nil, 0, nil // not Go
	}
	if section.Size > maxTable {
		return nil, 0, fmt.Errorf("%w: .gopclntab has %d bytes", errNoCode, section.Size)
	}
	data, err := section.Data()
	if err != nil {
		return nil, 0, fmt.Errorf("read .gopclntab: %w", err)
	}
	if !bytes.Contains(data, []byte(connWrite)) {
		return nil, 0, nil // no TLS in it
	}
	defer func() {
		if r := recover(); r != nil { // the package trusts the table
			found, memmove, err = nil, 0, fmt.Errorf("%w: read .gopclntab: %v", errNoCode, r)
		}
	}()
	// Counted from the beginning of Go's code, which comes out below.
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, 0))
	if err != nil {
		return nil, 0, fmt.Errorf("read .gopclntab: %w", err)
	}
	for i := range table.Funcs {
		switch fn := &table.Funcs[i]; fn.Name {
		case connRead, connWrite, connClose:
			found = append(found, goFunction{fn.Name, fn.Entry, fn.End})
		case copyMemory:
			memmove = fn.Entry
		}
	}
	if len(found) != 3 {
		return nil, 0, nil // the linker left out what is never called
	}
	text, err := goText(f, binary.LittleEndian.Uint32(data), table.Funcs, found)
	if err != nil {
		return nil, 0, err
	}
	for i := range found {
		found[i].entry += text
		found[i].end += text
	}
	return found, memmove + text, nil
}

// absoluteTable begins tables before Go 1.18, which hold addresses.
const absoluteTable = 0xfffffffa

// How far into .text Go's code may begin: when a C linker was at work,
// startup code comes first.
const (
	maxStartup = 64 << 10
	codeAlign  = 16
	samples    = 200
)

// goText is the address of Go's code. No header has it in all of the ways to
// link, but the code shows it: where functions begin, most check their stack.
func goText(f *elf.File, magic uint32, all []gosym.Func, known []goFunction) (uint64, error) {
	if magic == absoluteTable {
		return 0, nil
	}
	text := f.Section(".text")
	if text == nil {
		return 0, fmt.Errorf("%w: no .text", errNoCode)
	}
	checks := func(at uint64) bool {
		var code [checkBytes]byte
		_, err := text.ReadAt(code[:], int64(at))
		return err == nil && arches[f.Machine].checks(code[:])
	}
	for start := uint64(0); start <= min(maxStartup, text.Size); start += codeAlign {
		if !checks(start+known[0].entry) || !checks(start+known[1].entry) || !checks(start+known[2].entry) {
			continue
		}
		hits, tried := 0, 0
		for i := 0; i < len(all); i += 1 + len(all)/samples {
			tried++
			if checks(start + all[i].Entry) {
				hits++
			}
		}
		if hits > tried/2 {
			return text.Addr + start, nil
		}
	}
	return 0, fmt.Errorf("%w: its beginning is not found", errNoCode)
}
