package dataway

import (
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// body holds several payloads that are sent as one, without joining them in
// memory. gzip members (RFC 1952 section 2.2), zstd frames (RFC 8878 section
// 3.1) and plain lines may all be concatenated.
type body struct {
	mu    sync.Mutex
	parts [][]byte // nil when released
}

// release ends all readers. A transport may go on reading a request for a
// moment after the reply, when the memory already holds something else.
func (b *body) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = nil
}

// reader returns a new reader of the whole body.
func (b *body) reader() io.Reader { return &bodyReader{body: b} }

type bodyReader struct {
	body *body
	part int // index of the current part
	at   int // within it
}

func (r *bodyReader) Read(p []byte) (n int, err error) {
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	for r.part < len(r.body.parts) && n < len(p) {
		part := r.body.parts[r.part]
		c := copy(p[n:], part[r.at:])
		n += c
		if r.at += c; r.at == len(part) {
			r.part, r.at = r.part+1, 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func size(parts [][]byte) (n int64) {
	for _, p := range parts {
		n += int64(len(p))
	}
	return n
}

// packageID names a body by its content in the form the gateway knows,
// "dk_" and 20 characters: a body that is delivered twice carries the same id.
func packageID(parts [][]byte) string {
	sum, crc := xxhash.New(), uint32(0)
	for _, p := range parts {
		_, _ = sum.Write(p) // never fails
		crc = crc32.Update(crc, crc32.IEEETable, p)
	}
	var id [12]byte
	binary.BigEndian.PutUint64(id[:8], sum.Sum64())
	binary.BigEndian.PutUint32(id[8:], crc)
	return "dk_" + idEncoding.EncodeToString(id[:])
}

// idEncoding is the alphabet of DataKit's package ids.
var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
