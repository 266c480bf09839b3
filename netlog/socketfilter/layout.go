package socketfilter

import (
	"math"
	"slices"

	"golang.org/x/net/bpf"
)

// Labels are places in a classic program; all jumps go forward. next is what
// stands behind the instruction.
const next = ""

// line is an instruction with the labels it jumps to.
type line struct {
	labels  []string // of this place
	op      bpf.Instruction
	yes, no string // of JumpIf and JumpIfX; yes of Jump
}

// layout collects lines of a classic program.
type layout struct {
	lines  []line
	labels []string // of the next line
}

func (l *layout) at(label string) { l.labels = append(l.labels, label) }

func (l *layout) add(ops ...bpf.Instruction) {
	for _, op := range ops {
		l.lines = append(l.lines, line{labels: l.labels, op: op})
		l.labels = nil
	}
}

func (l *layout) jump(to string) {
	l.lines = append(l.lines, line{labels: l.labels, op: bpf.Jump{}, yes: to})
	l.labels = nil
}

// jumpIf compares A with a constant.
func (l *layout) jumpIf(cond bpf.JumpTest, value uint32, yes, no string) {
	l.lines = append(l.lines, line{labels: l.labels, op: bpf.JumpIf{Cond: cond, Val: value}, yes: yes, no: no})
	l.labels = nil
}

// jumpIfX compares A with X.
func (l *layout) jumpIfX(cond bpf.JumpTest, yes, no string) {
	l.lines = append(l.lines, line{labels: l.labels, op: bpf.JumpIfX{Cond: cond}, yes: yes, no: no})
	l.labels = nil
}

// assemble resolves the labels. A conditional jump reaches 255 instructions;
// where that is not enough it goes by way of a jump behind it. Lines are
// placed from the last to the first, so that every distance is known.
func (l *layout) assemble() []bpf.Instruction {
	var placed []bpf.Instruction // the last first
	places := map[string]int{}
	place := func(op bpf.Instruction) int {
		placed = append(placed, op)
		return len(placed) - 1
	}
	for _, line := range slices.Backward(l.lines) {
		behind := len(placed) - 1
		find := func(label string) int {
			if label == next {
				return behind
			}
			return places[label]
		}
		// skip is how far it is to a place from the line that is placed now.
		skip := func(to int) int { return len(placed) - 1 - to }
		near := func(to int) int {
			if skip(to) < math.MaxUint8 { // one more jump may come between
				return to
			}
			return place(bpf.Jump{Skip: uint32(skip(to))})
		}
		switch op := line.op.(type) {
		case bpf.Jump:
			op.Skip = uint32(skip(find(line.yes)))
			place(op)
		case bpf.JumpIf:
			no, yes := near(find(line.no)), near(find(line.yes))
			op.SkipTrue, op.SkipFalse = uint8(skip(yes)), uint8(skip(no))
			place(op)
		case bpf.JumpIfX:
			no, yes := near(find(line.no)), near(find(line.yes))
			op.SkipTrue, op.SkipFalse = uint8(skip(yes)), uint8(skip(no))
			place(op)
		default:
			place(op)
		}
		for _, label := range line.labels {
			places[label] = len(placed) - 1
		}
	}
	slices.Reverse(placed)
	return placed
}
