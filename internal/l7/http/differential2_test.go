package http

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	xnet "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// recordHTTP2 records a connection of HTTP/2 in clear with n exchanges, 8 at a
// time.
func recordHTTP2(t *testing.T, rng *rand.Rand, n int) *recording {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	r := new(recording)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return tap{conn, r}, err
		},
		DisableCompression: true, MaxConnsPerHost: 1, Protocols: new(http.Protocols),
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for range n {
		request := randomRequest(rng, server.URL)
		request.Header.Del("Expect")
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, response.Body)
			if err != nil {
				t.Error(err)
			}
			_ = response.Body.Close()
		})
	}
	wg.Wait()
	return r
}

// oracle2 reads the recorded streams with x/net/http2 and returns what there
// was, in the order of the streams.
func oracle2(t *testing.T, r *recording) (all []Exchange) {
	t.Helper()
	byID := map[uint32]*Exchange{}
	var ids []uint32
	segments := r.segments()
	for _, from := range []Side{Local, Remote} {
		b := r.stream(from)
		timeOf := func(pos int) int64 {
			for _, s := range segments {
				if at := bases[from] + uint64(pos); s.From == from && at >= s.Pos && at < s.Pos+uint64(s.Len) {
					return s.Time
				}
			}
			t.Fatal("not recorded")
			return 0
		}
		at := 0
		if from == Local {
			at = len(xnet.ClientPreface)
		}
		framer := xnet.NewFramer(io.Discard, bytes.NewReader(b[at:]))
		framer.SetMaxReadFrameSize(1<<24 - 1)
		decoder := hpack.NewDecoder(4096, nil)
		var block []byte
		var blockAt int
		for {
			frame, err := framer.ReadFrame()
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			h := frame.Header()
			begin, end := at, at+9+int(h.Length)
			at = end
			e := byID[h.StreamID]
			if e == nil && h.Type == xnet.FrameHeaders {
				e = &Exchange{Client: Local, Version: "2", GRPCStatus: -1}
				byID[h.StreamID] = e
				ids = append(ids, h.StreamID)
			}
			var fragment []byte
			done := false
			switch f := frame.(type) {
			case *xnet.HeadersFrame:
				fragment, done, blockAt = f.HeaderBlockFragment(), f.HeadersEnded(), begin
			case *xnet.ContinuationFrame:
				fragment, done = f.HeaderBlockFragment(), f.HeadersEnded()
			case *xnet.DataFrame:
			default:
				continue
			}
			if from == Local {
				e.RequestBytes += uint64(end - begin)
			} else {
				e.ResponseBytes += uint64(end - begin)
			}
			block = append(block, fragment...)
			if done {
				fields, err := decoder.DecodeFull(block)
				if err != nil {
					t.Fatal(err)
				}
				block = nil
				oracleFields(e, from, fields, timeOf(blockAt), bases[from]+uint64(blockAt))
			}
			if h.Flags.Has(xnet.FlagDataEndStream) {
				if from == Local {
					e.RequestEnd = timeOf(end - 1)
				} else {
					e.ResponseEnd = timeOf(end - 1)
				}
			}
		}
	}
	for _, id := range ids {
		all = append(all, *byID[id])
	}
	return all
}

func oracleFields(e *Exchange, from Side, fields []hpack.HeaderField, t int64, pos uint64) {
	for _, f := range fields {
		switch f.Name {
		case ":method":
			e.Method = f.Value
			e.RequestStart, e.RequestPos = t, pos
		case ":path":
			e.Path, _, _ = strings.Cut(f.Value, "?")
		case ":authority":
			e.Host = f.Value
		case ":status":
			var status int
			_, _ = fmt.Sscan(f.Value, &status)
			if status >= 200 {
				e.Status = status
				e.ResponseStart, e.ResponsePos = t, pos
			}
		case "grpc-status":
			e.GRPC = true
			_, _ = fmt.Sscan(f.Value, &e.GRPCStatus)
		case "content-type":
			e.GRPC = e.GRPC || f.Value == "application/grpc"
		}
	}
	_ = from
}

// TestAgainstXNet: what x/net/http2 reads from the same bytes is what is
// decoded, however the bytes were cut, shuffled and repeated.
func TestAgainstXNet(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	r := recordHTTP2(t, rng, 300)
	want := oracle2(t, r)
	if len(want) != 300 {
		t.Fatalf("the oracle saw %d exchanges", len(want))
	}
	tests := []struct {
		name  string
		alter func([]Segment) []Segment
	}{
		{"as written", func(s []Segment) []Segment { return s }},
		{"byte by byte", func(s []Segment) []Segment { return cut(rng, s, 1) }},
		{"small pieces", func(s []Segment) []Segment { return cut(rng, s, 20) }},
		{"packets", func(s []Segment) []Segment { return packets(s, 1448) }},
		{"shuffled and repeated", func(s []Segment) []Segment { return shuffle(rng, cut(rng, s, 700), 3) }},
		{"small pieces, shuffled and repeated", func(s []Segment) []Segment { return shuffle(rng, cut(rng, s, 60), 3) }},
		{"bytes, shuffled and repeated", func(s []Segment) []Segment { return shuffle(rng, cut(rng, s, 6), 4) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 3 {
				var stats Stats
				got := decode(Config{Stats: &stats, Names: NewNames()}, tt.alter(r.segments()))
				same(t, tt.name, sortByPos(got), sortByPos(want))
				if stats.Held != 0 || stats.BlocksLost+stats.FramesLost+stats.FieldsUnknown+stats.PathsUnknown != 0 {
					t.Errorf("%+v", stats)
				}
			}
		})
	}
}
