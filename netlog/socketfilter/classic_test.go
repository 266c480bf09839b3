package socketfilter

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/net/bpf"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/packet"
)

// inVM is a program for x/net's virtual machine, which does not know the
// extensions: they are constants of the packet.
func (f *frame) inVM(program []bpf.Instruction) []bpf.Instruction {
	constants := map[bpf.Extension]uint32{}
	if f.outgoing {
		constants[bpf.ExtType] = outgoing
	}
	if f.tagged {
		constants[bpf.ExtVLANTagPresent], constants[bpf.ExtVLANTag] = 1, uint32(f.tci)
	}
	all := make([]bpf.Instruction, len(program))
	for i, op := range program {
		if e, ok := op.(bpf.LoadExtension); ok && e.Num != bpf.ExtLen {
			op = bpf.LoadConstant{Dst: bpf.RegA, Val: constants[e.Num]}
		}
		all[i] = op
	}
	return all
}

// metadataOf is what the constants depend on.
type metadataOf struct {
	outgoing, tagged bool
	tci              uint16
}

func TestClassicAgreesWithMatch(t *testing.T) {
	source := rand.New(rand.NewPCG(21, 22))
	v := verdicts{t: t}
	texts, perText := amount()
	for i := range texts {
		text := rules{source}.text()
		p, err := filter.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		link := packet.LinkEthernet
		if i%5 == 0 {
			link = packet.LinkRaw
		}
		d := p.Headers(map[string]string{"nic": knownName})
		x := classic{decision: d, ethernet: link == packet.LinkEthernet, keep: snap}
		program := x.program()
		machines := map[metadataOf]*bpf.VM{}
		machine := func(f *frame) *bpf.VM {
			of := metadataOf{f.outgoing, f.tagged, f.tci}
			if machines[of] == nil {
				if machines[of], err = bpf.NewVM(f.inVM(program)); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
			return machines[of]
		}
		for range perText {
			f := frames{source}.next(link == packet.LinkEthernet)
			verdict, err := machine(&f).Run(f.data)
			if err != nil {
				t.Fatal(err)
			}
			if verdict != 0 && verdict != snap {
				t.Fatalf("verdict %d", verdict)
			}
			v.check(text, p, d, &f, link, verdict == 0, false)
			if i%20 > 0 {
				continue
			}
			opposite, err := bpf.NewVM(f.inVM((&classic{decision: d, ethernet: x.ethernet, drop: 1}).program()))
			must(t, err)
			counted, err := opposite.Run(f.data)
			must(t, err)
			if (counted == 1) != (verdict == 0) {
				t.Fatalf("%s: %d kept, %d counted", text, verdict, counted)
			}
		}
	}
	v.enough()
}
