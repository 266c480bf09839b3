package log

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/netlog/track"
)

// innerTraceID names one connection on one interface, in 32 hexadecimal
// digits: 48 bits of its begin in ms and 80 bits of a hash of the interface,
// the ends and the begin in ns. It is the same however often a capture is
// read.
func (l *Log) innerTraceID(c *track.Conn) string {
	var b [128]byte
	local, remote := c.Ends()
	_, vni := c.Tunnel()
	text := b[:0]
	text = local.AppendTo(text)
	text = append(text, ' ')
	text = remote.AppendTo(text)
	text = binary.BigEndian.AppendUint64(text, uint64(c.First))
	text = binary.BigEndian.AppendUint32(text, vni)
	text = append(text, c.Proto())
	h := xxhash.NewWithSeed(l.seed)
	_, _ = h.Write(text) // never fails
	low := h.Sum64()
	_, _ = h.Write([]byte{1})
	high := uint64(c.First/1_000_000)<<16 | h.Sum64()&0xffff
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], high)
	binary.BigEndian.PutUint64(id[8:], low)
	return hex.EncodeToString(id[:])
}

// l7TraceID names an exchange on every interface it passes: the sequence
// numbers of the first bytes of request and response.
func l7TraceID(e *http.Exchange) string {
	b := strconv.AppendUint(make([]byte, 0, 21), uint64(uint32(e.RequestPos)), 10)
	b = append(b, '_')
	return string(strconv.AppendUint(b, uint64(uint32(e.ResponsePos)), 10))
}
