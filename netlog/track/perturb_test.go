package track

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

// perturb writes a copy of a capture as a worse network would have made it:
// packets lost, doubled and overtaken, sequence numbers about to wrap.
func perturb(t *testing.T, from, to string, random *rand.Rand) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, err := pcap.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	var all []pcap.Record
	for {
		var rec pcap.Record
		if err := r.Next(&rec); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		rec.Data = append([]byte(nil), rec.Data...)
		all = append(all, rec)
	}
	shift(all, random)
	if random.IntN(2) == 0 {
		tag(all)
	}
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := pcap.NewWriter(out, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(pcap.Interface{Link: packet.LinkEthernet}); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if n := i + 1 + random.IntN(3); random.IntN(20) == 0 && n < len(all) { // overtaken, also over seconds
			all[i].Data, all[n].Data, all[i].Wire, all[n].Wire = all[n].Data, all[i].Data, all[n].Wire, all[i].Wire
		}
		copies := 1
		switch random.IntN(40) {
		case 0:
			copies = 0
		case 1:
			copies = 2
		}
		for range copies {
			if err := w.Write(&all[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// tag puts every frame into a VLAN within another one.
func tag(all []pcap.Record) {
	for i := range all {
		b := all[i].Data
		all[i].Data = append(append(append([]byte{}, b[:12]...), "\x88\xa8\x00\x05\x81\x00\x00\x07"...), b[12:]...)
		all[i].Wire += 8
	}
}

// shift moves the sequence numbers of every connection so that those of the
// larger stream wrap in its course.
func shift(all []pcap.Record, random *rand.Rand) {
	type half struct{ src, dst uint16 }
	first := map[half]uint32{}
	offset := func(src, dst uint16) uint32 { return -first[half{src, dst}] - 2000 }
	var d packet.Decoder
	for i := range all {
		var p packet.Packet
		if d.Decode(all[i].Data, all[i].Wire, all[i].Link, &p) != nil || p.Proto != packet.ProtoTCP {
			continue
		}
		at := half{p.SrcPort, p.DstPort}
		if _, ok := first[at]; !ok {
			first[at] = p.TCP.Seq - uint32(random.IntN(3000))
		}
		if back := (half{p.DstPort, p.SrcPort}); p.TCP.Flags.Has(packet.ACK) && p.TCP.Ack != 0 {
			if _, ok := first[back]; !ok {
				first[back] = p.TCP.Ack - uint32(random.IntN(3000))
			}
		}
		header := 14 + 20
		if p.Src.Is6() {
			header = 14 + 40
		}
		b := all[i].Data[header:]
		binary.BigEndian.PutUint32(b[4:], p.TCP.Seq+offset(p.SrcPort, p.DstPort))
		if p.TCP.Flags.Has(packet.ACK) {
			binary.BigEndian.PutUint32(b[8:], p.TCP.Ack+offset(p.DstPort, p.SrcPort))
		}
	}
}

// TestWorseNetworks compares with tshark on captures as many networks would
// have made them.
func TestWorseNetworks(t *testing.T) {
	for _, name := range []string{"life.pcap", "loss-sender.pcap", "loss-receiver.pcap"} {
		for seed := range uint64(3) {
			file := filepath.Join(t.TempDir(), "worse.pcapng")
			perturb(t, "testdata/"+name, file, rand.New(rand.NewPCG(seed, 1)))
			t.Logf("%s, seed %d", name, seed)
			if d := compare(t, replay(t, file), verdicts(t, tshark(t, file)), true); len(d) > 0 {
				t.Errorf("%s, seed %d: differences: %v", name, seed, d)
			}
		}
	}
}
