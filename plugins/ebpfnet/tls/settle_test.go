package tls

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"
)

// TestSettle: the places are those of real functions; what comes before must
// leave arguments and stack alone.
func TestSettle(t *testing.T) {
	for _, tt := range []struct {
		name      string
		code      []byte
		arguments int
		want      int // -1: none
	}{
		{"push", []byte{0x41, 0x57, 0x41, 0x56}, 4, 0},
		{"marked for indirect calls", []byte{0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48}, 4, 4},
		{"SSL_free: test rdi, rdi; je", []byte{0x48, 0x85, 0xff, 0x0f, 0x84, 0x97, 0x03, 0, 0}, 1, 3},
		{"gnutls_record_send: xor r8d, r8d; xor ecx, ecx; jmp", []byte{0x45, 0x31, 0xc0, 0x31, 0xc9, 0xe9, 0, 0, 0, 0}, 2, 5},
		{"the same, whose fourth argument counts", []byte{0x45, 0x31, 0xc0, 0x31, 0xc9, 0xe9, 0, 0, 0, 0}, 4, -1},
		{"mov esi, 0; push", []byte{0xbe, 0, 0, 0, 0, 0x55, 0x55}, 2, -1},
		{"SSL_read: sub rsp, 0x18", []byte{0x48, 0x83, 0xec, 0x18, 0x55, 0x55}, 2, -1},
		{"mov rsp, rbp; push", []byte{0x48, 0x89, 0xec, 0x55, 0x55}, 2, -1},
		{"mov [rsp], rax; push", []byte{0x48, 0x89, 0x04, 0x24, 0x55, 0x55}, 2, -1},
		{"mov dil, 1; push", []byte{0x40, 0xb7, 0x01, 0x55, 0x55}, 1, -1},
		{"too far", append(bytes.Repeat([]byte{0x48, 0x85, 0xff}, 10), 0x55, 0x55), 1, -1},
		{"no instruction", []byte{0x06, 0x06, 0x55, 0x55}, 1, -1},
		{"nothing", nil, 1, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, ok := settleX86(tt.code, tt.arguments)
			if !ok {
				at = -1
			}
			if at != tt.want {
				t.Errorf("at %d, want %d", at, tt.want)
			}
		})
	}
}

func TestHandsOn(t *testing.T) {
	for _, tt := range []struct {
		name string
		code []byte
		want int64 // 0: none
	}{
		{"sub rsp, 8; call", []byte{0x48, 0x83, 0xec, 0x08, 0xe8, 0x00, 0x01, 0, 0}, 9 + 0x100},
		{"marked; jmp back", []byte{0xf3, 0x0f, 0x1e, 0xfa, 0xe9, 0x00, 0xff, 0xff, 0xff}, 9 - 0x100},
		{"push rbx; mov rbx, rcx; call", []byte{0x53, 0x48, 0x89, 0xcb, 0xe8, 0x00, 0x01, 0, 0}, 9 + 0x100},
		{"another argument: xor ecx, ecx; call", []byte{0x31, 0xc9, 0xe8, 0x00, 0x01, 0, 0}, 0},
		{"a decision before: cmp rdx, 1; ja; call", []byte{0x48, 0x83, 0xfa, 0x01, 0x77, 0x10, 0xe8, 0x00, 0x01, 0, 0}, 0},
		{"through a pointer: call rax", []byte{0xff, 0xd0, 0xe8, 0x00, 0x01, 0, 0}, 0},
		{"no instruction", []byte{0x06, 0xe8, 0, 0, 0, 0}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := handsOnX86(tt.code, 4)
			if ok != (tt.want != 0) || got != tt.want {
				t.Errorf("%d %v, want %d", got, ok, tt.want)
			}
			if ok && (!callsX86(tt.code, got) || callsX86(tt.code, got+1)) {
				t.Error("the call is not seen, or another one is")
			}
		})
	}
}

// TestPlaces: in the C libraries and programs of this machine probes of
// reading, writing and ending lie on instructions that the kernel need not
// step over, except where a library leaves no such place.
func TestPlaces(t *testing.T) {
	dear := map[string]bool{"libgnutls": true} // gnutls_record_recv begins with "sub rsp, 8"
	looked := 0
	for _, pattern := range []string{"/usr/lib/*/libssl.so.[13]*", "/usr/lib/*/android/libssl.so.0", "/usr/lib/*/libgnutls.so.30", "/usr/bin/node"} {
		paths, err := filepath.Glob(pattern)
		must(t, err)
		for _, path := range paths {
			f, err := elf.Open(path)
			must(t, err)
			machine := f.Machine
			f.Close()
			if machine != elf.EM_X86_64 {
				t.Skip("needs a machine with x86: others step over all alike")
			}
			data, err := os.ReadFile(path)
			must(t, err)
			found, err := inspect(path)
			must(t, err)
			for l, probes := range found {
				cheap := 0
				for _, p := range probes {
					if emulatedX86(data[p.Offset:]) {
						cheap++
					}
				}
				if len(probes) > 0 {
					looked++
					t.Logf("%s: %v: %d of %d places are cheap", path, library(l), cheap, len(probes))
					if cheap < len(probes) && !dear[filepath.Base(path)[:min(9, len(filepath.Base(path)))]] {
						t.Errorf("%s: %+v", path, probes)
					}
				}
			}
		}
	}
	if looked == 0 {
		t.Skip("needs a TLS library: libssl3, libgnutls30")
	}
}

// FuzzPlaces: code is whatever stands in a file.
func FuzzPlaces(f *testing.F) {
	f.Add([]byte{0x48, 0x83, 0xec, 0x08, 0xe8, 0x00, 0x01, 0, 0}, uint8(4))
	f.Add([]byte{0xf3, 0x0f, 0x1e, 0xfa, 0x55}, uint8(2))
	f.Add(copyingX86, uint8(0))
	f.Fuzz(func(t *testing.T, code []byte, n uint8) {
		if at, ok := settleX86(code, int(n)%(len(argumentRegisters)+1)); ok && !emulatedX86(code[at:]) {
			t.Errorf("settled at %d", at)
		}
		if target, ok := handsOnX86(code, 4); ok && !callsX86(code, target) {
			t.Errorf("hands on to %d, which it does not call", target)
		}
		if at, ok := copiesX86(code, 0x200); ok && (at < 0 || at >= len(code)) {
			t.Errorf("copies at %d of %d", at, len(code))
		}
	})
}
