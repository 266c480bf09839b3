package http

import "bytes"

// fields is what a header block of HTTP/2 says.
type fields struct {
	method, path, authority []byte
	status                  int
	grpc                    bool  // content-type
	grpcStatus              int   // -1: none
	unknown                 int64 // fields that could not be told
	trace                   traceFields
	headers                 bool // trace is wanted
}

// add takes one field.
func (h *fields) add(f field) {
	switch {
	case f.name == nil:
		h.unknown++
		return
	case len(f.name) == 0:
		return
	}
	switch string(f.name) {
	case ":method":
		h.method = f.value
	case ":path":
		h.path = f.value
	case ":authority":
		h.authority = f.value
	case "host":
		if h.authority == nil {
			h.authority = f.value
		}
	case ":status":
		if n, ok := decimal(f.value); ok && n >= 100 && n <= 999 {
			h.status = int(n)
		}
	case "content-type":
		h.grpc = isGRPC(f.value)
	case "grpc-status":
		if n, ok := decimal(f.value); ok && n < 1000 {
			h.grpcStatus = int(n)
		}
	default:
		if h.headers {
			h.trace.field(f.name, f.value)
		}
	}
}

// isGRPC knows application/grpc, application/grpc+proto, application/grpc;…
// gRPC-Web, which is another protocol, begins the same way.
func isGRPC(contentType []byte) bool {
	rest, ok := bytes.CutPrefix(contentType, []byte("application/grpc"))
	return ok && (len(rest) == 0 || rest[0] == '+' || rest[0] == ';')
}
