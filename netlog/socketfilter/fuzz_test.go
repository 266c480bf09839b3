package socketfilter

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/net/bpf"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/packet"
)

// Whatever the frame and the rules are, a filter never drops what user space
// keeps. (The filter of eBPF is looked at by the differential test.)
func FuzzNeverDropsTooMuch(f *testing.F) {
	source := rand.New(rand.NewPCG(51, 52))
	for range 20 {
		one := frames{source}.next(true)
		f.Add(rules{source}.text(), one.data, one.outgoing, one.tagged, one.tci, true)
	}
	raw := frames{source}.next(false)
	f.Add("tcp || port == 80", raw.data, true, false, uint16(0), false)
	f.Fuzz(func(t *testing.T, text string, data []byte, sent, tagged bool, tci uint16, ethernet bool) {
		p, err := filter.Compile(text)
		if err != nil {
			return
		}
		one := frame{data: data, outgoing: sent, tagged: tagged && ethernet, tci: tci}
		x := classic{decision: p.Headers(nil), ethernet: ethernet, keep: snap}
		program := x.program()
		if len(program) > classicLimit {
			return
		}
		vm, err := bpf.NewVM(one.inVM(program))
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := vm.Run(data)
		if err != nil {
			t.Fatal(err)
		}
		link := packet.LinkType(packet.LinkRaw)
		if ethernet {
			link = packet.LinkEthernet
		}
		if seen, ok := one.seen(link); ok && verdict == 0 && p.Match(&seen) < 0 {
			t.Fatalf("%s: dropped % x", text, data)
		}
	})
}
