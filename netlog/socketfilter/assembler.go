package socketfilter

import (
	"fmt"
	"math"

	"github.com/cilium/ebpf/asm"
)

// assembler collects instructions of eBPF with labels to jump to.
type assembler struct {
	all   asm.Instructions
	label string // of the next instruction
	made  int    // labels made so far
}

func (a *assembler) add(all ...asm.Instruction) {
	for _, i := range all {
		if a.label != "" {
			i, a.label = i.WithSymbol(a.label), ""
		}
		a.all = append(a.all, i)
	}
}

// at names the next instruction. One that has a name already is a jump.
func (a *assembler) at(label string) {
	if a.label != "" {
		a.add(asm.Ja.Label(label))
	}
	a.label = label
}

// fresh makes a label.
func (a *assembler) fresh() string {
	a.made++
	return fmt.Sprintf("label %d", a.made)
}

// load reads a number in network byte order from the stack.
func (a *assembler) load(dst asm.Register, from int16, size asm.Size) {
	a.add(asm.LoadMem(dst, asm.RFP, from, size))
	if size != asm.Byte {
		a.add(asm.HostTo(asm.BE, dst, size))
	}
}

// jumpLE jumps when dst <= limit, both unsigned. It uses R2.
func (a *assembler) jumpLE(dst asm.Register, limit uint64, label string) {
	switch {
	case limit == 0:
		a.add(asm.JEq.Imm(dst, 0, label))
	case limit <= math.MaxInt32:
		a.add(asm.JLE.Imm(dst, int32(limit), label))
	default:
		a.add(asm.LoadImm(asm.R2, int64(limit), asm.DWord), asm.JLE.Reg(dst, asm.R2, label))
	}
}

// sub subtracts a constant. It uses R2.
func (a *assembler) sub(dst asm.Register, n uint64) {
	switch {
	case n == 0:
	case n <= math.MaxInt32:
		a.add(asm.Sub.Imm(dst, int32(n)))
	default:
		a.add(asm.LoadImm(asm.R2, int64(n), asm.DWord), asm.Sub.Reg(dst, asm.R2))
	}
}
