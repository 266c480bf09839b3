package tls

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"maps"
	"testing"
)

// Beginnings of functions; who calls gets a call of another one behind.
var (
	makesRoomX86 = []byte{0x48, 0x83, 0xec, 0x18}                        // sub rsp, 0x18
	fourthAway   = []byte{0x31, 0xc9, 0x48, 0x83, 0xec, 0x18}            // xor ecx, ecx; sub rsp, 0x18
	pushesX86    = []byte{0x41, 0x54, 0x55, 0x53, 0x48, 0x83, 0xec, 0x8} // push r12; push rbp; push rbx; sub rsp, 8
)

// madeFunction is one of a library that is made for a test.
type madeFunction struct {
	begin []byte
	calls int // address of another; 0: none
}

// makeCode puts functions at their addresses into a file with nothing else.
func makeCode(functions map[int]madeFunction) *machineCode {
	code := bytes.Repeat([]byte{0xc3}, 8*codeBytes)
	for at, fn := range functions {
		end := at + copy(code[at:], fn.begin)
		if fn.calls != 0 {
			code[end] = 0xe8
			binary.LittleEndian.PutUint32(code[end+1:], uint32(fn.calls-end-5))
		}
	}
	f := &elf.File{Progs: []*elf.Prog{{ProgHeader: elf.ProgHeader{Type: elf.PT_LOAD, Flags: elf.PF_R | elf.PF_X, Filesz: uint64(len(code))}}}}
	return &machineCode{bytes.NewReader(code), f, arches[elf.EM_X86_64]}
}

// TestDive: what two functions have in common takes their place, if that is
// certain and of use.
func TestDive(t *testing.T) {
	const read, readEx, write, writeEx, writeEx2, innerRead, innerWrite = 0x100, 0x200, 0x300, 0x400, 0x500, 0x600, 0x700
	both := map[int]madeFunction{
		read: {makesRoomX86, innerRead}, readEx: {makesRoomX86, innerRead}, innerRead: {pushesX86, 0},
		write: {makesRoomX86, innerWrite}, writeEx: {makesRoomX86, innerWrite}, innerWrite: {pushesX86, 0},
	}
	with := func(changes map[int]madeFunction) map[int]madeFunction {
		all := maps.Clone(both)
		maps.Copy(all, changes)
		return all
	}
	all := map[string]uint64{"SSL_read": read, "SSL_read_ex": readEx, "SSL_write": write, "SSL_write_ex": writeEx}
	newer := maps.Clone(all)
	newer["SSL_write_ex2"] = writeEx2
	for _, tt := range []struct {
		name    string
		symbols map[string]uint64
		code    map[int]madeFunction
		want    map[string]uint64
	}{
		{"1.1 to 3.2", all, both, map[string]uint64{"SSL_read_ex": innerRead, "SSL_write_ex": innerWrite}},
		{"from 3.3 on", newer, with(map[int]madeFunction{writeEx: {fourthAway, writeEx2}, writeEx2: {makesRoomX86, innerWrite}}),
			map[string]uint64{"SSL_read_ex": innerRead, "SSL_write_ex2": innerWrite}},
		{"one of them only", all, with(map[int]madeFunction{writeEx: {fourthAway, innerWrite}}),
			map[string]uint64{"SSL_read_ex": innerRead, "SSL_write": write, "SSL_write_ex": writeEx}},
		{"something that all call first", all, with(map[int]madeFunction{write: {makesRoomX86, innerRead}, writeEx: {makesRoomX86, innerRead}}), all},
		{"the plain one calls something else", all, with(map[int]madeFunction{read: {makesRoomX86, writeEx}, write: {makesRoomX86, readEx}}), all},
		{"dear within too", all, with(map[int]madeFunction{innerRead: {makesRoomX86, 0}, innerWrite: {makesRoomX86, 0}}), all},
		{"cheap already", all, with(map[int]madeFunction{read: {pushesX86, innerRead}, write: {pushesX86, innerWrite}}), all},
		{"no second ones", map[string]uint64{"SSL_read": read, "SSL_write": write}, both, map[string]uint64{"SSL_read": read, "SSL_write": write}},
		{"not in the file", map[string]uint64{"SSL_read": read, "SSL_read_ex": 1 << 30}, both, map[string]uint64{"SSL_read": read, "SSL_read_ex": 1 << 30}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			symbols := maps.Clone(tt.symbols)
			makeCode(tt.code).dive(symbols)
			if !maps.Equal(symbols, tt.want) {
				t.Errorf("%#x, want %#x", symbols, tt.want)
			}
		})
	}
}
