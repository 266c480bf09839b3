package http

// Exchange is one request and what is known of its response. It is valid
// during the call that hands it out; its strings may be kept.
type Exchange struct {
	Client  Side   // who sent the request
	Version string // "1.0", "1.1", "2"

	// Method is a registered method, "_OTHER" for any other token (as
	// OpenTelemetry names it, so that clients cannot make up values), "" when
	// HTTP/2 header compression hides it.
	Method string
	// Path is the request target without scheme, authority and query; "*" for
	// OPTIONS of the whole server, "" for CONNECT and when compression hides it.
	Path string
	Host string // authority as the client wrote it, "" when not seen
	// Truncated: Path goes on. Its end lies beyond the capture or MaxPath.
	Truncated bool

	Status     int // 0: no response was seen, or its head could not be read
	GRPC       bool
	GRPCStatus int // grpc-status, -1 when there was none

	// Times of the first and the last byte as given with the segments, 0 when
	// not seen. Those of a response are of the final one; what came before it
	// (1xx) counts as bytes only. Time to first byte is ResponseStart -
	// RequestEnd; it is negative when a server answers before the request ends.
	RequestStart, RequestEnd, ResponseStart, ResponseEnd int64
	// Positions of the first bytes in their streams.
	RequestPos, ResponsePos uint64
	// Head and body as on the wire, by position. HTTP/2: the frames HEADERS,
	// CONTINUATION and DATA of the stream, with their 9-byte headers.
	RequestBytes, ResponseBytes uint64

	// From the headers x-datadog-trace-id and x-datadog-parent-id (decimal) or
	// else traceparent (hex); only with Config.Headers.
	TraceID, ParentID string

	// Upgraded: the connection went on with another protocol after this
	// exchange: 101, or 2xx to CONNECT. With an upgrade to h2c the exchange is
	// the one HTTP/2 ended as stream 1.
	Upgraded bool
}
