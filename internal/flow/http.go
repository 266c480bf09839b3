package flow

import (
	"net/netip"
	"time"
)

// HTTP is one exchange, a request and its response, as one of its ends saw
// it. Add keeps none of its strings.
type HTTP struct {
	Netns    uint64 // inode number of the network namespace of the socket
	NetnsDev uint64 // device id of the file system nsfs

	Local, Remote netip.AddrPort // IPv4-mapped addresses are unmapped by Add
	Direction     Direction      // Outgoing: the local end is the client

	PID       uint32 // thread group that owns the socket, 0 when unknown
	Process   string // name of its leader, "" when unknown
	Container string // container id, "" when none or unknown

	Version, Method, Path string // "1.1", "GET", "/a"; a query is cut off by Add
	Host                  string // authority of the request, for [HTTPConfig].Host
	Truncated             bool   // Path is only its begin
	Status                int    // 0: no response was seen
	GRPC                  bool
	GRPCStatus            int // with GRPC; -1: none was seen

	Latency       time.Duration // from the end of the request to the first byte of the response; < 0 unknown
	Read, Written uint64        // head and body, as seen by the local end
}

// DefaultMaxPaths is the bound when [HTTPConfig] names none.
const DefaultMaxPaths = 1000

// HTTPConfig says how exchanges become flows.
type HTTPConfig struct {
	Config
	// MaxPaths bounds the different requests (method and path, and host
	// where it is reported) to one server in one interval. What goes beyond
	// is reported with the path "*", so that counts stay exact. A server is
	// an address and port in a namespace. 0: DefaultMaxPaths.
	MaxPaths int
	// Routes fold paths, before they are counted; nil folds none.
	Routes *Routes
	// Host makes the authority of requests part of the key, field http_host.
	Host bool
	// Latencies adds the fields latency_max and latency_le_….
	Latencies bool
}
