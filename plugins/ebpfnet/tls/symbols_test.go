package tls

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"
)

// TestSymbols compares with what the standard library reads.
func TestSymbols(t *testing.T) {
	files, err := filepath.Glob("/usr/lib/*/lib*.so*")
	must(t, err)
	files = append(files, "/proc/self/exe")
	compared := 0
	for _, path := range files {
		f, err := elf.Open(path)
		if err != nil {
			continue
		}
		all := map[string]uint64{}
		dynamic, _ := f.DynamicSymbols()
		static, _ := f.Symbols()
		names := map[string]bool{"no such symbol": true}
		for i, s := range append(dynamic, static...) {
			if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF && s.Value != 0 && i%97 == 0 {
				all[s.Name] = s.Value
				names[s.Name] = true
			}
		}
		for _, s := range append(dynamic, static...) { // the last of a name counts
			if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF && s.Value != 0 && names[s.Name] {
				all[s.Name] = s.Value
			}
		}
		got, err := findSymbols(f, names)
		f.Close()
		if err != nil || len(got) != len(all) {
			// Versions of one symbol are found in the order of the tables.
			t.Errorf("%s: %d of %d symbols: %v", path, len(got), len(all), err)
		}
		for name, address := range all {
			if got[name] != address {
				t.Errorf("%s: %s at %#x, want %#x", path, name, got[name], address)
			}
		}
		compared += len(all)
		if compared > 2000 {
			break
		}
	}
	if compared == 0 {
		t.Skip("needs a library or a program with symbols")
	}
}

func TestFileOffset(t *testing.T) {
	f := &elf.File{Progs: []*elf.Prog{
		{ProgHeader: elf.ProgHeader{Type: elf.PT_LOAD, Flags: elf.PF_R, Off: 0, Vaddr: 0x400000, Filesz: 0x1000}},
		{ProgHeader: elf.ProgHeader{Type: elf.PT_LOAD, Flags: elf.PF_R | elf.PF_X, Off: 0x1000, Vaddr: 0x402000, Filesz: 0x500}},
	}}
	if got, err := fileOffset(f, 0x402010); err != nil || got != 0x1010 {
		t.Errorf("%#x, %v", got, err)
	}
	for _, address := range []uint64{0, 0x400010, 0x402500, 0x500000} {
		if got, err := fileOffset(f, address); err == nil {
			t.Errorf("%#x is at %#x, want an error", address, got)
		}
	}
}

// FuzzInspect: programs are files that anybody may have made.
func FuzzInspect(f *testing.F) {
	f.Add([]byte("\x7fELF"))
	f.Add(smallELF())
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, s := range file.Sections {
			if s.Size > 1<<20 {
				return // the standard library reads what it is told
			}
		}
		_, _ = findSymbols(file, map[string]bool{"SSL_read": true})
		_, _ = goProbes(bytes.NewReader(data), file)
	})
}

// smallELF is a header without anything.
func smallELF() []byte {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18], header[20] = 2, 62, 1
	header[52] = 64
	return header
}

func TestInspectRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
	if _, err := inspect(path); err == nil {
		t.Error("a script is a program")
	}
	if _, err := inspect(path + "x"); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
	must(t, os.WriteFile(path, smallELF(), 0o755))
	if found, err := inspect(path); err != nil || found[openSSL] != nil || found[goTLS] != nil {
		t.Errorf("%v %v", found, err)
	}
}
