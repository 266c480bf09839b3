package pcap

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

// FuzzReader: whatever the file is, reading it ends, in records that lie in
// it; what was read can be written and read again.
func FuzzReader(f *testing.F) {
	for _, file := range append(whole(), damaged()...) {
		if len(file.data) < 1000 {
			f.Add(file.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		records, interfaces, err := read(bytes.NewReader(data))
		if err == nil {
			t.Fatal("no end")
		}
		sum := 0
		for _, r := range records {
			sum += len(r.Data)
			if r.Wire < len(r.Data) || r.Interface >= len(interfaces) || r.Link != interfaces[r.Interface].Link {
				t.Fatalf("%+v of %+v", r, interfaces)
			}
		}
		if sum > len(data) && !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			t.Fatalf("%d bytes of a file of %d", sum, len(data))
		}
		again(t, records, interfaces)
	})
}

// again writes records and reads them.
func again(t *testing.T, records []Record, interfaces []Interface) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, "")
	must(t, err)
	for i, it := range interfaces {
		_, err := w.AddInterface(it)
		must(t, err)
		must(t, w.Statistics(i, 0, it.Received, it.Dropped))
	}
	for i := range records {
		must(t, w.Write(&records[i]))
	}
	must(t, w.Flush())
	gotRecords, gotInterfaces, err := read(&b)
	if !errors.Is(err, io.EOF) || !reflect.DeepEqual(gotRecords, records) {
		t.Fatalf("%v: read again as %+v, want %+v", err, gotRecords, records)
	}
	if len(interfaces) > 0 && !reflect.DeepEqual(gotInterfaces, interfaces) {
		t.Fatalf("read again as %+v, want %+v", gotInterfaces, interfaces)
	}
}
