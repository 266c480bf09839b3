package bpf

import (
	"encoding/binary"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// emitter is an object with a ring buffer and two programs: one writes the
// number 7 into the ring and wakes nobody, one is refused by every verifier.
func emitter() *ebpf.CollectionSpec {
	filter := func(ins asm.Instructions) *ebpf.ProgramSpec {
		return &ebpf.ProgramSpec{Type: ebpf.SocketFilter, License: "GPL", Instructions: ins}
	}
	return &ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{
			"ring": {Name: "ring", Type: ebpf.RingBuf, MaxEntries: 4096},
		},
		Programs: map[string]*ebpf.ProgramSpec{
			"emit": filter(asm.Instructions{
				asm.Mov.Imm(asm.R1, 7),
				asm.StoreMem(asm.RFP, -8, asm.R1, asm.DWord),
				asm.LoadMapPtr(asm.R1, 0).WithReference("ring"),
				asm.Mov.Reg(asm.R2, asm.RFP),
				asm.Add.Imm(asm.R2, -8),
				asm.Mov.Imm(asm.R3, 8),
				asm.Mov.Imm(asm.R4, 1), // BPF_RB_NO_WAKEUP
				asm.FnRingbufOutput.Call(),
				asm.Mov.Imm(asm.R0, 0),
				asm.Return(),
			}),
			"refused": filter(asm.Instructions{
				asm.LoadMem(asm.R0, asm.R1, 30000, asm.Word), // beyond the context
				asm.Return(),
			}),
		},
		ByteOrder: binary.LittleEndian,
	}
}

func open(t *testing.T, opts Options, specs ...*ebpf.CollectionSpec) *Object {
	t.Helper()
	needRoot(t)
	o, err := Open(opts, specs...)
	must(t, err)
	t.Cleanup(func() { must(t, o.Close()) })
	return o
}

// TestOneRefused: a program that is refused takes no other down.
func TestOneRefused(t *testing.T) {
	o := open(t, Options{}, emitter())
	if _, err := o.load("refused"); err == nil || !strings.Contains(err.Error(), "load program refused") {
		t.Errorf("got %v", err)
	}
	p, err := o.load("emit")
	must(t, err)
	p.Close()
	if _, err := o.load("absent"); err == nil {
		t.Error("an absent program was loaded")
	}
}

// TestSharedMap: objects share maps by name, with the size of the options.
func TestSharedMap(t *testing.T) {
	o := open(t, Options{MaxEntries: map[string]uint32{"ring": 8192}}, emitter(), emitter())
	if n := o.Map("ring").MaxEntries(); n != 8192 {
		t.Errorf("size %d, want 8192", n)
	}
	if o.Map("absent") != nil {
		t.Error("an absent map is there")
	}
}

func TestLoadErrorDropsTheWrongHint(t *testing.T) {
	hint := errors.New("operation not permitted (MEMLOCK may be too low, consider rlimit.RemoveMemlock)")
	err := loadError("x", errors.Join(hint, syscall.EPERM))
	if strings.Contains(err.Error(), "MEMLOCK") {
		t.Errorf("still says %q", err)
	}
}

func TestSpecs(t *testing.T) {
	good := func() (*ebpf.CollectionSpec, error) { return emitter(), nil }
	broken := func() (*ebpf.CollectionSpec, error) { return nil, errors.New("no ELF file") }
	if specs, err := Specs(good, good); err != nil || len(specs) != 2 || specs[0].Programs["emit"] == nil || specs[0] == specs[1] {
		t.Errorf("%v, %v", specs, err)
	}
	if _, err := Specs(good, broken); err == nil || err.Error() != "read kernel object: no ELF file" {
		t.Errorf("error = %v", err)
	}
}
