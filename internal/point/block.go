package point

// Encoding is the compression of a block's payload.
type Encoding uint8

// The encodings. The numbers are written to disk and to the wire.
const (
	Identity Encoding = iota
	Gzip
	Zstd
)

// ContentEncoding returns the value of the HTTP header Content-Encoding, ""
// for [Identity].
func (e Encoding) ContentEncoding() string {
	switch e {
	case Gzip:
		return "gzip"
	case Zstd:
		return "zstd"
	default:
		return ""
	}
}

// Block is a batch of points of one category in its final form. It is made
// once and then moved unchanged through RPC, queue and upload.
//
// A gzip payload is one complete gzip member, so that payloads of several
// blocks may be concatenated to one HTTP body (RFC 1952 section 2.2).
type Block struct {
	Category Category
	Encoding Encoding
	Points   int    // number of lines
	RawBytes int    // size of the line protocol before compression
	Payload  []byte // line protocol with nanosecond timestamps, each line ended by '\n', compressed as Encoding says

	// Accepted, when set, is called exactly once by the sink that takes
	// responsibility for the block, within the ledger step in which it
	// counts the block as its own.
	Accepted func()
}
