package capture

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

// recorded is a capture file of two interfaces with n datagrams on each, an
// ARP frame, and drops as told.
func recorded(t testing.TB, n int, dropped uint64, statistics uint64) *pcap.Reader {
	t.Helper()
	var b bytes.Buffer
	w, err := pcap.NewWriter(&b, "")
	must(t, err)
	for _, name := range []string{"a", "b"} {
		_, err := w.AddInterface(pcap.Interface{Name: name, Link: packet.LinkEthernet})
		must(t, err)
	}
	mac := make(net.HardwareAddr, 6)
	arp := make([]byte, 42)
	arp[12], arp[13] = 0x08, 0x06
	must(t, w.Write(&pcap.Record{Data: arp}))
	for i := range 2 * n {
		rec := pcap.Record{Time: int64(i), Interface: i % 2, Dir: packet.Tx, Data: nettest.UDPFrame(mac, mac, uint32(i), 16)}
		if i == 1 {
			rec.Dropped = dropped
		}
		must(t, w.Write(&rec))
	}
	must(t, w.Statistics(0, 0, 0, statistics))
	must(t, w.Flush())
	r, err := pcap.NewReader(&b)
	must(t, err)
	return r
}

func TestFile(t *testing.T) {
	const n = 1000
	f := NewFile(recorded(t, n, 0, 0))
	next := int64(0)
	for {
		got := 0
		k, err := f.Next(func(p *packet.Packet) {
			got++
			if p.Time != next || p.Interface != int(next%2) || p.Dir != packet.Tx || p.DstPort != 9 || p.PayloadLen != 16 {
				t.Fatalf("packet %d: %+v", next, p)
			}
			next++
		})
		if k != got {
			t.Fatalf("%d handed on, said %d", got, k)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
	}
	want := Stats{Received: 2*n + 1, Delivered: 2 * n}
	want.Refused[packet.NotIP] = 1
	if s := f.Stats(); next != 2*n || s != want || s.Waiting() != 0 || s.Undecoded() != 1 {
		t.Errorf("%d packets, %+v", next, s)
	}
	must(t, f.Close())
	must(t, f.Close())
	if _, err := f.Next(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// What a file says was lost counts as received and dropped: once, whether its
// records say so or its statistics.
func TestFileDrops(t *testing.T) {
	tests := []struct {
		name                string
		dropped, statistics uint64
		want                int64
	}{
		{"records", 5, 0, 5},
		{"statistics", 0, 7, 7},
		{"both", 5, 7, 5},
	}
	for _, tt := range tests {
		f := NewFile(recorded(t, 10, tt.dropped, tt.statistics))
		for range 3 { // at the end, and again
			if _, err := f.Next(func(*packet.Packet) {}); err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
		}
		if s := f.Stats(); s.Dropped != tt.want || s.Received != 21+tt.want || s.Waiting() != 0 {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
}

// A file that is cut gives what is before, then the error.
func TestFileCut(t *testing.T) {
	var b bytes.Buffer
	w, err := pcap.NewWriter(&b, "")
	must(t, err)
	_, err = w.AddInterface(pcap.Interface{Link: packet.LinkEthernet})
	must(t, err)
	mac := make(net.HardwareAddr, 6)
	for i := range 3 {
		must(t, w.Write(&pcap.Record{Data: nettest.UDPFrame(mac, mac, uint32(i), 16)}))
	}
	must(t, w.Flush())
	r, err := pcap.NewReader(bytes.NewReader(b.Bytes()[:b.Len()-1]))
	must(t, err)
	f := NewFile(r)
	n, err := f.Next(func(*packet.Packet) {})
	var broken *pcap.Error
	if n != 2 || !errors.As(err, &broken) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d packets, %v", n, err)
	}
}
