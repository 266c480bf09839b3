package bpf

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// hits is an object with two programs that add one to a slot of a map: enter
// to the first, leave to the second. A return has no place in the entry of
// a program, so both are attached there.
func hits() *ebpf.CollectionSpec {
	add := func(slot int32) *ebpf.ProgramSpec {
		return &ebpf.ProgramSpec{Type: ebpf.Kprobe, License: "GPL", Instructions: asm.Instructions{
			asm.StoreImm(asm.RFP, -4, int64(slot), asm.Word),
			asm.LoadMapPtr(asm.R1, 0).WithReference("hits"),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "out"),
			asm.Mov.Imm(asm.R1, 1),
			asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, 0).WithSymbol("out"),
			asm.Return(),
		}}
	}
	return &ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{
			"hits": {Name: "hits", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 2},
		},
		Programs:  map[string]*ebpf.ProgramSpec{"enter": add(0), "leave": add(1)},
		ByteOrder: binary.LittleEndian,
	}
}

// ownCopy is a copy of this binary, so that nobody else passes its probes,
// and where in the file it begins to run.
func ownCopy(t *testing.T) (path string, entry uint64) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	path = filepath.Join(t.TempDir(), "copy")
	must(t, os.WriteFile(path, data, 0o755))
	f, err := elf.Open(path)
	must(t, err)
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && f.Entry >= p.Vaddr && f.Entry-p.Vaddr < p.Filesz {
			return path, f.Entry - p.Vaddr + p.Off
		}
	}
	t.Fatal("the entry is in no segment")
	return "", 0
}

// TestUprobes: probes are hit by every process that runs the file while they
// are attached, and not after. Kernels before 6.6 attach them one by one.
func TestUprobes(t *testing.T) {
	path, entry := ownCopy(t)
	o := open(t, Options{}, hits())
	u, err := o.Uprobes("enter", "leave")
	must(t, err)
	links, err := u.Attach(path, []Probe{{Program: "enter", Offset: entry}, {Program: "leave", Offset: entry}})
	must(t, err)
	for range 3 {
		must(t, exec.Command(path, "-test.run=^$").Run())
	}
	must(t, links.Close())
	must(t, exec.Command(path, "-test.run=^$").Run())
	for slot := range uint32(2) {
		var n uint64
		must(t, o.Map("hits").Lookup(slot, &n))
		if n != 3 {
			t.Errorf("%d hits of program %d (%s), want 3", n, slot, u.Kind())
		}
	}
	stats, err := o.Stats()
	must(t, err)
	if len(stats) != 2 {
		t.Errorf("statistics of %d programs, want 2", len(stats))
	}
}

// TestUprobesAllOrNone: what cannot be attached leaves nothing attached.
func TestUprobesAllOrNone(t *testing.T) {
	path, entry := ownCopy(t)
	o := open(t, Options{}, hits())
	u, err := o.Uprobes("enter", "leave")
	must(t, err)
	if _, err := u.Attach(path, []Probe{{Program: "enter", Offset: entry}, {Program: "leave", Offset: 1 << 40}}); err == nil {
		t.Fatal("attached beyond the end of the file")
	}
	must(t, exec.Command(path, "-test.run=^$").Run())
	var n uint64
	must(t, o.Map("hits").Lookup(uint32(0), &n))
	if n != 0 {
		t.Errorf("%d hits of what was not attached", n)
	}
	if _, err := u.Attach(path+"x", []Probe{{Program: "enter", Offset: entry}}); err == nil {
		t.Error("attached to a file that does not exist")
	}
	if _, err := o.Uprobes("absent"); err == nil {
		t.Error("loaded a program that does not exist")
	}
}
