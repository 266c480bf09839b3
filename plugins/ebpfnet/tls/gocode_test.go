package tls

import (
	"debug/elf"
	"slices"
	"testing"
)

// The code of functions as the compiler of Go 1.26 makes it.
var (
	codeX86 = []byte{
		0x49, 0x3b, 0x66, 0x10, // cmp rsp, 16(r14)
		0x76, 0x0b, // jbe
		0x55,             // push rbp
		0x48, 0x89, 0xe5, // mov rbp, rsp
		0x5d, 0xc3, // pop rbp; ret
		0xb8, 0xc3, 0x00, 0x00, 0x00, // mov eax, 0xc3: no return
		0xc3, // ret
	}
	codeARM64 = []byte{
		0x90, 0x0b, 0x40, 0xf9, // ldr x16, [x28, 16]
		0xf1, 0x43, 0x01, 0xd1, // sub x17, sp, 80
		0x3f, 0x02, 0x10, 0xeb, // cmp x17, x16
		0xa9, 0x33, 0x00, 0x54, // b.ls
		0xc0, 0x03, 0x5f, 0xd6, // ret
	}
)

func TestCode(t *testing.T) {
	for _, tt := range []struct {
		name    string
		machine elf.Machine
		code    []byte
		begin   int
		returns []int
	}{
		{"amd64", elf.EM_X86_64, codeX86, 6, []int{11, 17}},
		{"arm64", elf.EM_AARCH64, codeARM64, 16, []int{16}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			arch := arches[tt.machine]
			if !arch.checks(tt.code[:checkBytes]) {
				t.Error("the check of the stack is not known")
			}
			if begin, err := arch.begin(tt.code); err != nil || begin != tt.begin {
				t.Errorf("begins at %d, %v; want %d", begin, err, tt.begin)
			}
			if returns, err := arch.returns(tt.code); err != nil || !slices.Equal(returns, tt.returns) {
				t.Errorf("returns at %v, %v; want %v", returns, err, tt.returns)
			}
			nop := make([]byte, 64) // of amd64 "add [rax], al", of arm64 nothing
			if _, err := arch.begin(nop); err == nil {
				t.Error("found a check where none is")
			}
			if _, err := arch.returns(nop); err == nil {
				t.Error("found a return where none is")
			}
			if arch.checks(nop[:checkBytes]) {
				t.Error("knows a check that is none")
			}
		})
	}
}

func TestUnknownCode(t *testing.T) {
	if _, err := beginX86([]byte{0x06, 0x06}); err == nil {
		t.Error("decoded what is no instruction")
	}
	if _, err := returnsX86([]byte{0xc3, 0x06}); err == nil {
		t.Error("decoded what is no instruction")
	}
}

func FuzzCode(f *testing.F) {
	f.Add(codeX86)
	f.Add(codeARM64)
	f.Fuzz(func(t *testing.T, code []byte) {
		for _, arch := range arches {
			begin, err := arch.begin(code)
			if err == nil && (begin <= 0 || begin > len(code) || begin > prologue+16) {
				t.Errorf("begins at %d of %d", begin, len(code))
			}
			returns, err := arch.returns(code)
			if err == nil && (len(returns) == 0 || returns[len(returns)-1] >= len(code)) {
				t.Errorf("returns at %v of %d", returns, len(code))
			}
		}
	})
}
