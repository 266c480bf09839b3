package http

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// list decodes a block; unknown names are "?".
func list(d *decoder, block []byte) (all []string, err error) {
	err = d.decode(block, func(f field) {
		name := string(f.name)
		if f.name == nil {
			name = "?"
		}
		all = append(all, name+": "+string(f.value))
	})
	return all, err
}

// TestRFC7541 holds the decoder against the examples of appendix C: requests
// with and without Huffman coding, and responses that make it evict.
func TestRFC7541(t *testing.T) {
	tests := []struct {
		name   string
		size   int
		blocks []string
		want   [][]string
		table  int // size of the dynamic table at the end
	}{
		{"C.3 requests", 4096, []string{
			"828684410f7777772e6578616d706c652e636f6d",
			"828684be58086e6f2d6361636865",
			"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
		}, [][]string{
			{":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"},
			{":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"},
			{":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"},
		}, 164},
		{"C.4 requests with Huffman coding", 4096, []string{
			"828684418cf1e3c2e5f23a6ba0ab90f4ff",
			"828684be5886a8eb10649cbf",
			"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
		}, [][]string{
			{":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"},
			{":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"},
			{":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"},
		}, 164},
		{"C.6 responses with Huffman coding, evicting", 256, []string{
			"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
			"4883640effc1c0bf",
			"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
		}, [][]string{
			{":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"},
			{":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"},
			{":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", "location: https://www.example.com", "content-encoding: gzip",
				"set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"},
		}, 215},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decoder{table: newTable(false)}
			d.max = tt.size
			for i, s := range tt.blocks {
				block, err := hex.DecodeString(s)
				if err != nil {
					t.Fatal(err)
				}
				got, err := list(&d, block)
				if err != nil || fmt.Sprint(got) != fmt.Sprint(tt.want[i]) {
					t.Fatalf("block %d: %v %q, want %q", i, err, got, tt.want[i])
				}
			}
			if d.size != tt.table {
				t.Errorf("the table has %d bytes, want %d", d.size, tt.table)
			}
		})
	}
}

func TestHPACKRefuses(t *testing.T) {
	tests := []struct{ name, block string }{
		{"index 0", "80"},
		{"index beyond the table", "be"},
		{"name beyond the table", "7e0161"},
		{"integer without end", "ffffffffff"},
		{"integer beyond 64 bits", "ffffffffffffffffffffffff01"},
		{"string without end", "000561"},
		{"string without length", "0001"},
		{"Huffman padding of 8 bits", "000182f1ff" + "0161"},
		{"Huffman padding of zeros", "00018100" + "0161"},
		{"Huffman end of string", "000184ffffffff" + "0161"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			block, err := hex.DecodeString(tt.block)
			if err != nil {
				t.Fatal(err)
			}
			d := decoder{table: newTable(false)}
			if got, err := list(&d, block); err == nil {
				t.Errorf("decoded to %q", got)
			}
			if _, err := hpack.NewDecoder(4096, nil).DecodeFull(block); err == nil {
				t.Error("x/net decodes it")
			}
		})
	}
}

// TestHuffman: every symbol, and random strings, as x/net encodes them.
func TestHuffman(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range 2000 {
		s := []byte{byte(i)}
		if i > 255 {
			s = make([]byte, rng.IntN(60))
			for j := range s {
				s[j] = byte(rng.IntN(256))
			}
		}
		got, ok := huffman.decode(nil, hpack.AppendHuffmanString(nil, string(s)))
		if !ok || !bytes.Equal(got, s) {
			t.Fatalf("%q decodes to %q, %v", s, got, ok)
		}
	}
}

// randomFields are fields as clients send them: some new, some again.
func randomFields(rng *rand.Rand) (all []hpack.HeaderField) {
	for range 1 + rng.IntN(12) {
		f := hpack.HeaderField{Name: fmt.Sprintf("x-name-%d", rng.IntN(12)), Value: strings.Repeat("v", rng.IntN(90)) + fmt.Sprint(rng.IntN(6))}
		if rng.IntN(3) == 0 {
			s := staticTable[rng.IntN(len(staticTable))]
			f.Name = string(s.name)
			if rng.IntN(2) == 0 {
				f.Value = string(s.value)
			}
		}
		f.Sensitive = rng.IntN(8) == 0
		all = append(all, f)
	}
	return all
}

// TestHPACKAgainstXNet: what x/net encodes decodes to what went in, also when
// the table is resized and turns over many times.
func TestHPACKAgainstXNet(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	encoder.SetMaxDynamicTableSizeLimit(64 << 10)
	d := decoder{table: newTable(false)}
	for i := range 2000 {
		b.Reset()
		if rng.IntN(40) == 0 {
			encoder.SetMaxDynamicTableSize([]uint32{0, 100, 4096, 10000, 64 << 10}[rng.IntN(5)])
		}
		var want []string
		for _, f := range randomFields(rng) {
			_ = encoder.WriteField(f)
			want = append(want, f.Name+": "+f.Value)
		}
		got, err := list(&d, b.Bytes())
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("block %d: %v\ngot  %q\nwant %q", i, err, got, want)
		}
	}
}

// TestHPACKWithLoss: blocks are lost, the first ones too, and every field is
// still either right or unknown. What was never seen stays unknown until it is
// sent again or evicted, so a small table recovers sooner.
func TestHPACKWithLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, limit := range []uint32{4096, 512, 64 << 10, 1 << 20} {
		var b bytes.Buffer
		encoder := hpack.NewEncoder(&b)
		encoder.SetMaxDynamicTableSizeLimit(limit)
		encoder.SetMaxDynamicTableSize(limit)
		d := decoder{table: newTable(true)}
		known, unknown := 0, 0
		for i := range 3000 {
			b.Reset()
			fields := randomFields(rng)
			for _, f := range fields {
				_ = encoder.WriteField(f)
			}
			if i < 20 || rng.IntN(300) == 0 {
				d.lose()
				continue
			}
			n := 0
			err := d.decode(b.Bytes(), func(f field) {
				want := fields[n]
				n++
				if f.name == nil {
					unknown++
					return
				}
				known++
				if string(f.name) != want.Name || string(f.value) != want.Value {
					t.Fatalf("table %d, block %d: got %s: %s, want %s", limit, i, f.name, f.value, want)
				}
			})
			if err != nil || n != len(fields) {
				t.Fatalf("table %d, block %d: %v, %d fields of %d", limit, i, err, n, len(fields))
			}
		}
		t.Logf("table of %d: %d fields known, %d unknown", limit, known, unknown)
		if known == 0 || unknown == 0 || limit <= 4096 && known < unknown {
			t.Errorf("table of %d: %d fields known, %d unknown", limit, known, unknown)
		}
	}
}

// TestHPACKBomb: a block of references to a large entry costs its length, not
// what it stands for, and the table keeps its bound.
func TestHPACKBomb(t *testing.T) {
	d := decoder{table: newTable(false)}
	large := bytes.Repeat([]byte{'x'}, 4000)
	entry := append([]byte{0x40, 1, 'a', 0x7f, 0xa1, 0x1e}, large...)
	if _, err := list(&d, entry); err != nil || d.size != 4000+1+32 {
		t.Fatal(err, d.size)
	}
	bomb := bytes.Repeat([]byte{0xbe}, 64<<10)
	fields, total := 0, 0
	if a := testing.AllocsPerRun(1, func() {
		_ = d.decode(bomb, func(f field) { fields++; total += len(f.value) })
	}); a > 2 {
		t.Errorf("%v allocations", a)
	}
	if fields != 2*64<<10 || total != fields*4000 {
		t.Errorf("%d fields of %d bytes", fields, total)
	}
	for range 100 {
		d.resize(1 << 40)
		for range 20 {
			d.add(field{[]byte("name"), large}, false)
		}
		if d.size > maxTableSize || d.entries() > maxTableSize/entryOverhead {
			t.Fatalf("the table has %d bytes", d.size)
		}
	}
	for range 100_000 {
		d.add(field{[]byte{}, []byte{}}, false)
	}
	if d.entries() > maxTableSize/entryOverhead || cap(d.all) > 4*maxTableSize/entryOverhead {
		t.Errorf("%d entries, room for %d", d.entries(), cap(d.all))
	}
}
