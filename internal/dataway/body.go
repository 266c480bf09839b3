package dataway

import (
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/cespare/xxhash/v2"
)

// body reads several payloads as one, without joining them in memory. gzip
// members (RFC 1952 section 2.2), zstd frames (RFC 8878 section 3.1) and plain
// lines may all be concatenated.
type body struct {
	parts [][]byte
	at    int // within parts[0]
}

func (b *body) Read(p []byte) (n int, err error) {
	for len(b.parts) > 0 && n < len(p) {
		c := copy(p[n:], b.parts[0][b.at:])
		n += c
		b.at += c
		if b.at == len(b.parts[0]) {
			b.parts, b.at = b.parts[1:], 0
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
