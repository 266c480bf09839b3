package bpf

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/rlimit"
)

const (
	ringBytes   = 4096
	recordBytes = 8
	noWakeup    = 1 // BPF_RB_NO_WAKEUP
)

// newRing returns a ring, and a program that writes the value of its first
// packet byte to it and returns the helper's result.
func newRing(t *testing.T) (*Ring, *ebpf.Program) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads a program")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: ringBytes})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SocketFilter, License: "GPL",
		Instructions: asm.Instructions{
			asm.Mov.Reg(asm.R6, asm.R1), // LoadAbs takes the context from R6
			asm.LoadAbs(0, asm.Byte),    // the first byte behind the Ethernet header
			asm.StoreMem(asm.RFP, -8, asm.R0, asm.DWord),
			asm.LoadMapPtr(asm.R1, m.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -8),
			asm.Mov.Imm(asm.R3, recordBytes),
			asm.Mov.Imm(asm.R4, noWakeup),
			asm.FnRingbufOutput.Call(),
			asm.Return(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenRing(m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 { // Close is idempotent
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		p.Close()
		m.Close()
	})
	return r, p
}

// write makes the program write a record; it reports whether there was room.
func write(t *testing.T, p *ebpf.Program, value byte) bool {
	t.Helper()
	packet := make([]byte, 64)
	packet[14] = value
	result, _, err := p.Test(packet)
	if err != nil {
		t.Fatal(err)
	}
	return int32(result) == 0
}

func drain(t *testing.T, r *Ring) (all []byte) {
	t.Helper()
	n, err := r.Drain(func(record []byte) { all = append(all, byte(binary.NativeEndian.Uint64(record))) })
	if err != nil || n != len(all) {
		t.Fatalf("drained %d of %d records: %v", len(all), n, err)
	}
	return all
}

func TestRing(t *testing.T) {
	r, p := newRing(t)
	if got := drain(t, r); len(got) != 0 || r.Available() != 0 {
		t.Errorf("an empty ring gave %v, %d bytes", got, r.Available())
	}
	for i := range byte(3) {
		write(t, p, i)
	}
	if want := 3 * (Header + recordBytes); r.Available() != want {
		t.Errorf("%d bytes wait, want %d", r.Available(), want)
	}
	if got := drain(t, r); string(got) != "\x00\x01\x02" {
		t.Errorf("got %v", got)
	}
}

// A full ring refuses, loses nothing it took, and takes again once drained.
func TestRingThatIsFull(t *testing.T) {
	r, p := newRing(t)
	for round := range 3 {
		taken := 0
		for write(t, p, byte(taken)) {
			taken++
		}
		if most := r.Size() / (Header + recordBytes); taken < most-1 || taken > most {
			t.Fatalf("round %d: took %d records, the ring holds %d", round, taken, most)
		}
		got := drain(t, r)
		if len(got) != taken {
			t.Fatalf("round %d: took %d records, gave %d", round, taken, len(got))
		}
		for i, v := range got {
			if v != byte(i) {
				t.Fatalf("round %d: record %d is %d", round, i, v)
			}
		}
	}
}
