package pcap

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"datakit.dev/agent/netlog/packet"
)

// written is a file with everything a writer can write.
func written(t testing.TB) (file []byte, records []Record, interfaces []Interface) {
	t.Helper()
	records = []Record{
		{Time: 1700000000123456789, Interface: 0, Dir: packet.Tx, Link: packet.LinkEthernet, Wire: 1514, Data: []byte("abc")},
		{Time: 1700000000123456790, Interface: 1, Dir: packet.Rx, Link: packet.LinkRaw, Wire: 4, Data: []byte("four"), Dropped: 7},
		{Time: 1700000000123456791, Interface: 0, Link: packet.LinkEthernet, Data: []byte{}},
	}
	interfaces = []Interface{{Name: "eth0", Link: packet.LinkEthernet, SnapLen: 128}, {Link: packet.LinkRaw, Received: 10, Dropped: 7}}
	var b bytes.Buffer
	w, err := NewWriter(&b, "the writer of the test")
	must(t, err)
	for n, i := range interfaces {
		index, err := w.AddInterface(i)
		must(t, err)
		if index != n {
			t.Errorf("interface %d is %d", n, index)
		}
	}
	for i := range records {
		must(t, w.Write(&records[i]))
	}
	must(t, w.Statistics(1, 1700000001000000000, 10, 7))
	must(t, w.Flush())
	return b.Bytes(), records, interfaces
}

// What the writer writes, the reader reads.
func TestWriteAndRead(t *testing.T) {
	file, records, interfaces := written(t)
	gotRecords, gotInterfaces, err := read(bytes.NewReader(file))
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(gotRecords, records) {
		t.Errorf("records %+v, want %+v", gotRecords, records)
	}
	if !reflect.DeepEqual(gotInterfaces, interfaces) {
		t.Errorf("interfaces %+v, want %+v", gotInterfaces, interfaces)
	}
}

func TestWriterRefuses(t *testing.T) {
	w, err := NewWriter(io.Discard, "")
	must(t, err)
	if err := w.Write(&Record{}); err == nil {
		t.Error("wrote a record of no interface")
	}
	if err := w.Statistics(0, 0, 0, 0); err == nil {
		t.Error("wrote statistics of no interface")
	}
	_, err = w.AddInterface(Interface{})
	must(t, err)
	if err := w.Write(&Record{Data: make([]byte, maxRecord)}); err == nil {
		t.Error("wrote what no reader would read")
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriterFails(t *testing.T) {
	w, err := NewWriter(full{}, "") // buffered
	must(t, err)
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
	if _, err := w.AddInterface(Interface{}); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}
