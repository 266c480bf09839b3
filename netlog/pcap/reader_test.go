package pcap

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"datakit.dev/agent/netlog/packet"
)

// What the writer writes, the reader reads.
func TestWriteAndRead(t *testing.T) {
	records := []Record{
		{Time: 1700000000123456789, Interface: 0, Dir: packet.Tx, Link: packet.LinkEthernet, Wire: 1514, Data: []byte("abc")},
		{Time: 1700000000123456790, Interface: 1, Dir: packet.Rx, Link: packet.LinkRaw, Wire: 4, Data: []byte("four"), Dropped: 7},
		{Time: 1700000000123456791, Interface: 0, Link: packet.LinkEthernet, Data: []byte{}},
	}
	var file bytes.Buffer
	w, err := NewWriter(&file, "test")
	must(t, err)
	for _, i := range []Interface{{Name: "eth0", Link: packet.LinkEthernet, SnapLen: 128}, {Link: packet.LinkRaw}} {
		_, err := w.AddInterface(i)
		must(t, err)
	}
	for i := range records {
		must(t, w.Write(&records[i]))
	}
	must(t, w.Statistics(1, 1700000001000000000, 10, 7))
	must(t, w.Flush())

	r, err := NewReader(&file)
	must(t, err)
	for i, want := range records {
		var got Record
		must(t, r.Next(&got))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("record %d is %+v, want %+v", i, got, want)
		}
	}
	for range 2 {
		if err := r.Next(new(Record)); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v", err)
		}
	}
	want := []Interface{{Name: "eth0", Link: packet.LinkEthernet, SnapLen: 128}, {Link: packet.LinkRaw, Received: 10, Dropped: 7}}
	if !reflect.DeepEqual(r.Interfaces(), want) {
		t.Errorf("interfaces %+v, want %+v", r.Interfaces(), want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
