package socketfilter

import (
	"testing"

	"golang.org/x/net/bpf"
)

// run assembles a program and runs it on a frame.
func (l *layout) run(t *testing.T, frame ...byte) int {
	t.Helper()
	vm, err := bpf.NewVM(l.assemble())
	must(t, err)
	verdict, err := vm.Run(frame)
	must(t, err)
	return verdict
}

// Conditional jumps over any distance go where they should, on both sides.
func TestLayoutReachesFar(t *testing.T) {
	for _, distance := range []int{0, 1, 100, 251, 252, 253, 254, 255, 256, 257, 300, 1000} {
		program := func() *layout {
			l := &layout{}
			l.add(bpf.LoadAbsolute{Off: 0, Size: 1})
			l.jumpIf(bpf.JumpEqual, 1, "one", next)
			l.jumpIf(bpf.JumpGreaterThan, 5, "many", "few")
			for range distance {
				l.add(bpf.RetConstant{Val: 9})
			}
			l.at("few")
			l.add(bpf.RetConstant{Val: 3})
			for range distance {
				l.add(bpf.RetConstant{Val: 9})
			}
			l.at("one")
			l.add(bpf.RetConstant{Val: 1})
			l.at("many")
			l.add(bpf.RetConstant{Val: 6})
			return l
		}
		for value, want := range map[byte]int{1: 1, 2: 3, 5: 3, 6: 6, 200: 6} {
			if got := program().run(t, value); got != want {
				t.Errorf("distance %d, value %d: %d, want %d", distance, value, got, want)
			}
		}
	}
}

// A place may have several names.
func TestLayoutNames(t *testing.T) {
	l := &layout{}
	l.add(bpf.LoadAbsolute{Off: 0, Size: 1}, bpf.LoadConstant{Dst: bpf.RegX, Val: 7})
	l.jumpIfX(bpf.JumpEqual, "a", "b")
	l.at("a")
	l.at("b")
	l.jump("c")
	l.add(bpf.RetConstant{Val: 9})
	l.at("c")
	l.add(bpf.RetConstant{Val: 2})
	for _, value := range []byte{7, 8} {
		if got := l.run(t, value); got != 2 {
			t.Errorf("value %d: %d", value, got)
		}
	}
}
