package tls

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// symbolEntry is the size of an Elf64_Sym.
const symbolEntry = 24

// findSymbols looks functions up in the symbol tables of a file and returns
// the addresses of those it has. Tables may be as large as the machine's
// largest programs are: they are read in pieces.
func findSymbols(f *elf.File, names map[string]bool) (map[string]uint64, error) {
	found := map[string]uint64{}
	for _, section := range f.Sections {
		if section.Type != elf.SHT_DYNSYM && section.Type != elf.SHT_SYMTAB {
			continue
		}
		if int(section.Link) >= len(f.Sections) {
			return nil, fmt.Errorf("read symbols: no string table %d", section.Link)
		}
		texts, err := findTexts(f.Sections[section.Link], names)
		if err != nil {
			return nil, fmt.Errorf("read names of symbols: %w", err)
		}
		if len(texts) == 0 {
			continue
		}
		if err := readSymbols(section, f.ByteOrder, texts, found); err != nil {
			return nil, fmt.Errorf("read symbols: %w", err)
		}
	}
	return found, nil
}

// piece is how much of a table is read at once.
const piece = 256 << 10

// findTexts returns where in a string table the names stand. The end of
// a longer one may serve, so a name can stand in several places.
func findTexts(table *elf.Section, names map[string]bool) (map[uint32]string, error) {
	longest := 0
	for name := range names {
		longest = max(longest, len(name)+1)
	}
	found := map[uint32]string{}
	buf := make([]byte, piece+longest)
	for at := int64(0); at < int64(table.FileSize); at += piece {
		n, err := table.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return nil, err
		}
		for name := range names {
			ended := append([]byte(name), 0)
			for from := 0; ; {
				i := bytes.Index(buf[from:n], ended)
				if i < 0 {
					break
				}
				found[uint32(at)+uint32(from+i)] = name
				from += i + 1
			}
		}
	}
	return found, nil
}

func readSymbols(section *elf.Section, order binary.ByteOrder, texts map[uint32]string, found map[string]uint64) error {
	buf := make([]byte, piece/symbolEntry*symbolEntry)
	for at := int64(0); at < int64(section.FileSize); at += int64(len(buf)) {
		n, err := section.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return err
		}
		for b := buf[:n]; len(b) >= symbolEntry; b = b[symbolEntry:] {
			// st_name, st_info, st_other, st_shndx, st_value, st_size
			name, ok := texts[order.Uint32(b)]
			if !ok || elf.SymType(b[4]&15) != elf.STT_FUNC || order.Uint16(b[6:]) == uint16(elf.SHN_UNDEF) {
				continue
			}
			if address := order.Uint64(b[8:]); address != 0 {
				found[name] = address
			}
		}
	}
	return nil
}

// fileOffset turns the address of code into its place in the file.
func fileOffset(f *elf.File, address uint64) (uint64, error) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && address >= p.Vaddr && address-p.Vaddr < p.Filesz {
			return address - p.Vaddr + p.Off, nil
		}
	}
	return 0, fmt.Errorf("address %#x is in no executable segment", address)
}
