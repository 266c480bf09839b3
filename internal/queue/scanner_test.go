package queue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"datakit.dev/agent/internal/point"
)

// describe scans data and writes down what is found: r for a record, d for
// damage, D for damage with a good header, t for torn.
func describe(t *testing.T, s *scanner) string {
	t.Helper()
	var all []string
	for {
		found, err := s.next()
		if err == io.EOF {
			return strings.Join(all, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		letter := map[kind]string{whole: "r", damaged: "d", torn: "t"}[found.kind]
		if found.kind == damaged && found.known() {
			letter = "D"
		}
		if found.known() {
			letter += fmt.Sprint(found.head.seq)
		}
		all = append(all, fmt.Sprintf("%s:%d", letter, found.size))
	}
}

func TestScanner(t *testing.T) {
	good := records(1, 2, 3) // of 100 bytes each
	change := func(off int, b byte) []byte {
		c := slices.Clone(good)
		c[off] ^= b
		return c
	}
	other := slices.Clone(good[:100])
	h, _ := parseHeader(other)
	h.category = point.RUM
	var head [headerSize]byte
	h.put(&head)
	copy(other, head[:])

	tests := map[string]struct {
		data []byte
		want string
	}{
		"empty":                      {nil, ""},
		"good":                       {good, "r1:100 r2:100 r3:100"},
		"payload damaged":            {change(160, 1), "r1:100 D2:100 r3:100"},
		"magic damaged":              {change(101, 1), "r1:100 d:100 r3:100"},
		"length damaged":             {change(142, 0xff), "r1:100 d:100 r3:100"},
		"last header damaged":        {change(201, 1), "r1:100 r2:100 d:100"},
		"cut within a payload":       {good[:290], "r1:100 r2:100 t3:90"},
		"cut within a header":        {good[:210], "r1:100 r2:100 t:10"},
		"something in between":       {slices.Concat(good[:100], []byte("DKQRxx"), good[100:]), "r1:100 d:6 r2:100 r3:100"},
		"a record twice":             {slices.Concat(good[:200], good[100:]), "r1:100 r2:100 d:100 r3:100"},
		"of another category":        {slices.Concat(other, good[100:]), "d:100 r2:100 r3:100"},
		"only zeros":                 {make([]byte, 700_000), "d:700000"},
		"far damage":                 {slices.Concat(make([]byte, windowSize-3), good), fmt.Sprintf("d:%d r1:100 r2:100 r3:100", windowSize-3)},
		"magic at the end of window": {slices.Concat([]byte{0}, bytes.Repeat([]byte{7}, windowSize-50), good), fmt.Sprintf("d:%d r1:100 r2:100 r3:100", windowSize-49)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScanner(bytes.NewReader(test.data), point.Metric, 0, int64(len(test.data)))
			if got := describe(t, s); got != test.want {
				t.Errorf("found %s, want %s", got, test.want)
			}
		})
	}
}

func TestScannerBounds(t *testing.T) {
	good := records(1, 2, 3, 4)
	s := newScanner(bytes.NewReader(good), point.Metric, 100, 300)
	s.from, s.below = 2, 3
	if got := describe(t, s); got != "r2:100 d:100" {
		t.Errorf("found %s", got)
	}
}

// A file that is shorter than it was when it was opened reads as damage.
func TestScannerOfAShrunkenFile(t *testing.T) {
	good := records(1, 2)
	s := newScanner(bytes.NewReader(good[:150]), point.Metric, 0, 200)
	if got := describe(t, s); got != "r1:100 d:100" && got != "r1:100 D2:100" {
		t.Errorf("found %s", got)
	}
}

type brokenReader struct{ err error }

func (b brokenReader) ReadAt([]byte, int64) (int, error) { return 0, b.err }

func TestScannerReturnsOtherErrors(t *testing.T) {
	broken := errors.New("no file descriptors")
	s := newScanner(brokenReader{broken}, point.Metric, 0, 1000)
	_, err := s.record()
	wantError(t, err, broken)
}

func TestHeader(t *testing.T) {
	want := header{version: formatVersion, category: point.Security, encoding: point.Zstd, seq: 1 << 60, before: 1 << 50,
		written: -5, points: 1 << 31, raw: 1<<32 - 1, length: maxPayload, sum: 0xdeadbeef}
	var b [headerSize]byte
	want.put(&b)
	if got, ok := parseHeader(b[:]); !ok || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want.length++
	want.put(&b)
	if _, ok := parseHeader(b[:]); ok {
		t.Error("a payload over the bound is believed")
	}
	if _, ok := parseHeader(b[:headerSize-1]); ok {
		t.Error("half a header is believed")
	}
}
