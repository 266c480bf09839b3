package pcap

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read reads all of a file. Records are copied, for they live in the buffer.
func read(r io.Reader) (records []Record, interfaces []Interface, err error) {
	p, err := NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	for {
		var rec Record
		if err := p.Next(&rec); err != nil {
			return records, p.Interfaces(), err
		}
		rec.Data = append([]byte{}, rec.Data...)
		records = append(records, rec)
	}
}

func TestRead(t *testing.T) {
	for _, f := range whole() {
		t.Run(f.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"at once": bytes.NewReader(f.data), "byte by byte": iotest.OneByteReader(bytes.NewReader(f.data)), "with its end": iotest.DataErrReader(bytes.NewReader(f.data)),
			} {
				records, interfaces, err := read(r)
				if !errors.Is(err, io.EOF) {
					t.Fatalf("%s: %v", name, err)
				}
				if !reflect.DeepEqual(records, f.records) {
					t.Errorf("%s: records %+v, want %+v", name, records, f.records)
				}
				if len(interfaces)+len(f.interfaces) > 0 && !reflect.DeepEqual(interfaces, f.interfaces) {
					t.Errorf("%s: interfaces %+v, want %+v", name, interfaces, f.interfaces)
				}
			}
		})
	}
}

func TestDamaged(t *testing.T) {
	for _, f := range damaged() {
		t.Run(f.name, func(t *testing.T) {
			records, _, err := read(bytes.NewReader(f.data))
			if err == nil || err.Error() != f.err {
				t.Fatalf("%v, want %s", err, f.err)
			}
			if !reflect.DeepEqual(records, f.records) {
				t.Errorf("records %+v, want %+v", records, f.records)
			}
			if errors.Is(err, io.ErrUnexpectedEOF) != f.cut {
				t.Errorf("cut: %v, want %v", !f.cut, f.cut)
			}
			if _, err := NewReader(bytes.NewReader(f.data)); (err != nil) != f.open {
				t.Errorf("opened with %v", err)
			}
		})
	}
}

// A file that ends anywhere gives the records before, then says that it is
// cut, or that it ends.
func TestCutAnywhere(t *testing.T) {
	for _, f := range whole() {
		if len(f.data) > 10000 {
			continue
		}
		for n := range f.data {
			records, _, err := read(bytes.NewReader(f.data[:n]))
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !(n < 4 && errors.Is(err, ErrFormat)) {
				t.Fatalf("%s cut to %d: %v", f.name, n, err)
			}
			if len(records) > len(f.records) || len(records) > 0 && !reflect.DeepEqual(records, f.records[:len(records)]) {
				t.Fatalf("%s cut to %d: %+v", f.name, n, records)
			}
		}
	}
}

// Compressed files are read as what is in them, also when they are cut.
func TestGzip(t *testing.T) {
	for _, f := range whole() {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, err := w.Write(f.data)
		must(t, err)
		must(t, w.Close())
		records, interfaces, err := read(bytes.NewReader(z.Bytes()))
		if !errors.Is(err, io.EOF) || !reflect.DeepEqual(records, f.records) || !reflect.DeepEqual(interfaces, f.interfaces) {
			t.Errorf("%s: %v; %+v of %+v", f.name, err, records, interfaces)
		}
		records, _, err = read(bytes.NewReader(z.Bytes()[:z.Len()-9])) // the check sum, and something of what it is of
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(records) > len(f.records) {
			t.Errorf("%s, cut: %v; %+v", f.name, err, records)
		}
	}
	if _, err := NewReader(strings.NewReader("\x1f\x8bno gzip")); err == nil {
		t.Error("no error for what only begins like gzip")
	}
}

// An error stays; one of the file below is passed on.
func TestErrorsStay(t *testing.T) {
	broken := errors.New("broken")
	file := little.pcap(magicMicro, 0, 1, little.record(0, 0, 1, "x"))
	r, err := NewReader(io.MultiReader(bytes.NewReader(file), iotest.ErrReader(broken)))
	must(t, err)
	var rec Record
	must(t, r.Next(&rec))
	if r.Offset() != int64(len(file)) {
		t.Errorf("at byte %d of %d", r.Offset(), len(file))
	}
	for range 2 {
		if err := r.Next(&rec); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	}
	if _, err := NewReader(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// A frame longer than the buffer, and many that do not fit into it evenly.
func TestBuffer(t *testing.T) {
	m := little
	big := string(bytes.Repeat([]byte("b"), 3*bufferSize+1))
	file := m.pcap(magicMicro, 0, 1, m.record(0, 0, len(big), big))
	want := []Record{rec(0, len(big), big)}
	for i := range 1000 {
		data := big[:1+i*7%1500]
		file = append(file, m.record(0, uint32(i), len(data), data)...)
		want = append(want, rec(int64(i)*1000, len(data), data))
	}
	records, _, err := read(bytes.NewReader(file))
	if !errors.Is(err, io.EOF) || !reflect.DeepEqual(records, want) {
		t.Errorf("%d records of %d, %v", len(records), len(want), err)
	}
}
