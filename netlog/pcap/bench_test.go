package pcap

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"datakit.dev/agent/netlog/packet"
)

// BenchmarkReader reads frames of 100 bytes; one operation is one record.
func BenchmarkReader(b *testing.B) {
	const records = 10000
	data := string(make([]byte, 100))
	pcap, ng, bare := little.pcap(magicNano, 0, 1), join(little.section(), little.iface(1, 0)), []byte(nil)
	bare = append(bare, ng...)
	for i := range records {
		pcap = append(pcap, little.record(1700000000, uint32(i), 100, data)...)
		bare = append(bare, little.packet(0, uint64(i), 100, data)...)
		ng = append(ng, little.packet(0, uint64(i), 100, data, little.option(2, little.u32(1)), little.option(0, nil))...)
	}
	for _, bm := range []struct {
		name string
		file []byte
	}{{"pcap", pcap}, {"pcapng", bare}, {"pcapng with directions", ng}} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(100)
			var rec Record
			for n := 0; n < b.N; {
				r, err := NewReader(bytes.NewReader(bm.file))
				must(b, err)
				for ; n < b.N; n++ {
					if err := r.Next(&rec); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	w, err := NewWriter(io.Discard, "")
	must(b, err)
	_, err = w.AddInterface(Interface{Link: packet.LinkEthernet})
	must(b, err)
	rec := Record{Dir: packet.Tx, Wire: 100, Data: make([]byte, 100)}
	b.ReportAllocs()
	b.SetBytes(100)
	for b.Loop() {
		if err := w.Write(&rec); err != nil {
			b.Fatal(err)
		}
	}
}
