package bpf

import (
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// counter is an object whose tp_btf program counts, in a map, the programs
// that this machine executes.
func counter() *ebpf.CollectionSpec {
	return &ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{
			"count": {Name: "count", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1},
		},
		Programs: map[string]*ebpf.ProgramSpec{
			"on_exec": {
				Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: "sched_process_exec", License: "GPL",
				Instructions: asm.Instructions{
					asm.StoreImm(asm.RFP, -4, 0, asm.Word),
					asm.LoadMapPtr(asm.R1, 0).WithReference("count"),
					asm.Mov.Reg(asm.R2, asm.RFP),
					asm.Add.Imm(asm.R2, -4),
					asm.FnMapLookupElem.Call(),
					asm.JEq.Imm(asm.R0, 0, "out"),
					asm.Mov.Imm(asm.R1, 1),
					asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
					asm.Mov.Imm(asm.R0, 0).WithSymbol("out"),
					asm.Return(),
				},
			},
		},
	}
}

// TestTracepointTwice: an event reaches all instances, and none once
// they are closed.
func TestTracepointTwice(t *testing.T) {
	o := open(t, Options{}, counter())
	c, err := o.Tracepoint("on_exec")
	if err != nil {
		t.Skipf("needs tp_btf: %v", err)
	}
	execute(t)
	stats, err := o.Stats()
	must(t, err)
	if len(stats) != o.instances() || len(stats) < 2 || stats[0].Name != "on_exec" {
		t.Errorf("%+v", stats)
	}
	var n uint64
	must(t, o.Map("count").Lookup(uint32(0), &n))
	if n < uint64(len(stats)) { // others may execute programs meanwhile
		t.Errorf("counted %d", n)
	}
	must(t, c.Close())
	must(t, o.Map("count").Put(uint32(0), uint64(0)))
	execute(t)
	must(t, o.Map("count").Lookup(uint32(0), &n))
	if n != 0 {
		t.Errorf("counted %d after Close", n)
	}
}

func execute(t *testing.T) {
	t.Helper()
	p, err := os.StartProcess("/proc/self/exe", []string{"x", "-test.run=^$"}, &os.ProcAttr{})
	must(t, err)
	_, err = p.Wait()
	must(t, err)
}

// TestIterator lists all maps, ours among them, over many reads.
func TestIterator(t *testing.T) {
	spec := emitter()
	spec.Programs["maps"] = &ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceIter, AttachTo: "bpf_map", License: "GPL",
		Instructions: asm.Instructions{ // bpf_seq_write(ctx->meta->seq, "12345678", 8)
			asm.LoadMem(asm.R1, asm.R1, 0, asm.DWord),
			asm.LoadMem(asm.R1, asm.R1, 0, asm.DWord),
			asm.LoadImm(asm.R2, 0x0807060504030201, asm.DWord),
			asm.StoreMem(asm.RFP, -8, asm.R2, asm.DWord),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -8),
			asm.Mov.Imm(asm.R3, 8),
			asm.FnSeqWrite.Call(),
			asm.Mov.Imm(asm.R0, 0),
			asm.Return(),
		},
	}
	o := open(t, Options{}, spec)
	it, err := o.Iterator("maps", nil)
	if err != nil {
		t.Skipf("needs iterators: %v", err)
	}
	defer it.Close()
	records := 0
	must(t, it.Each(8, func(b []byte) {
		if b[0] != 1 || b[7] != 8 {
			t.Errorf("record %v", b)
		}
		records++
	}))
	if records == 0 {
		t.Error("no map was listed")
	}
	if err := it.Each(7, func([]byte) {}); err == nil && records%7 != 0 {
		t.Error("left-over bytes are not reported")
	}
}

func TestCgroupNeedsCgroup2(t *testing.T) {
	o := open(t, Options{}, emitter())
	if _, err := o.Cgroup("emit", t.TempDir(), ebpf.AttachCGroupInetIngress); err == nil {
		t.Error("attached to a folder that is no cgroup")
	}
	if len(o.programs) != 0 {
		t.Error("the program was kept")
	}
}
