package netlog

import (
	"bytes"
	"encoding/json"
	"testing"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/netlog/packet"
)

// FuzzReplay reads any bytes as a capture file. Whatever they hold, the books
// balance, every message is JSON and every point is a line.
func FuzzReplay(f *testing.F) {
	for _, make := range []func(*traffic){
		exchange, everything,
		func(f *traffic) {
			d := f.dial("10.0.0.1:1", "10.0.0.2:80")
			d.say(true, []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
			d.segment(true, packet.ACK, []byte("x"), 5)
			d.dial("10.0.0.1:1", "10.0.0.2:53").say(true, []byte("\x00\x0c\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"))
		},
	} {
		var file bytes.Buffer
		t := newTraffic(f, &file, 65535)
		make(t)
		t.done()
		f.Add(file.Bytes())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		cfg := settings()
		cfg.Table.MaxConnections, cfg.Table.MaxHTTP = 16, 4
		cfg.Program.NetlogBlacklist = "src_port == 7"
		out := &collected{}
		accounts, _ := Replay(t.Context(), bytes.NewReader(file), cfg, out)
		if err := ledger.Check(accounts); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(out.lines, []byte("\n"))
		breaks := 0
		for _, p := range out.pts {
			for _, x := range p.Fields {
				if text := x.Value.AsString(); x.Key == "message" && !json.Valid([]byte(text)) {
					t.Fatalf("no JSON: %s", text)
				}
				breaks += bytes.Count([]byte(x.Value.AsString()), []byte("\n"))
			}
		}
		if lines-breaks != len(out.pts) {
			t.Fatalf("%d lines of %d points", lines-breaks, len(out.pts))
		}
	})
}
