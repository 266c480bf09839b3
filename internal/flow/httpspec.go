package flow

import "datakit.dev/agent/internal/point"

// HTTPName is the name of the measurement of HTTP exchanges.
const HTTPName = "httpflow"

// HTTPMeasurement describes httpflow.
func HTTPMeasurement() point.Measurement {
	fields := []point.FieldSpec{
		{Key: "bytes_read", Unit: "B", Kind: point.KindInt, Help: "Heads and bodies that were read: requests by a server, responses by a client."},
		{Key: "bytes_written", Unit: "B", Kind: point.KindInt, Help: "Heads and bodies that were written."},
		{Key: "count", Unit: "count", Kind: point.KindInt, Help: "Requests."},
		{Key: "grpc_status", Kind: point.KindInt, Optional: true, Help: "Status of gRPC calls: 0 is OK."},
		{Key: "http_host", Kind: point.KindString, Optional: true, Help: "Authority of the request; with http_host = true."},
		{Key: "http_version", Kind: point.KindString, Optional: true, Help: "1.0, 1.1 or 2."},
		{Key: "latency", Unit: "ns", Kind: point.KindInt, Optional: true, Help: "Time to first byte: from the end of the request to the begin of the response, mean. Absent when none was measured."},
		{Key: "latency_max", Unit: "ns", Kind: point.KindInt, Optional: true, Help: "Largest time to first byte; with http_latency_fields = true."},
		{Key: "method", Kind: point.KindString, Optional: true, Help: "GET, POST, …; * for methods beyond the standard's among requests beyond http_max_paths."},
		{Key: "path", Kind: point.KindString, Optional: true, Help: "Path without query, or the pattern of http_routes it matches; * for requests beyond http_max_paths."},
		samplingField(),
		{Key: "status_code", Kind: point.KindInt, Optional: true, Help: "Status of the response; 0 when none was seen."},
		{Key: "truncated", Kind: point.KindBool, Optional: true, Help: "Only the begin of the path was observed."},
	}
	for _, b := range latencyBounds {
		fields = append(fields, point.FieldSpec{
			Key: b.key, Unit: "count", Kind: point.KindInt, Optional: true,
			Help: "Requests with a time to first byte of no more than that; with http_latency_fields = true.",
		})
	}
	return point.Measurement{
		Name:     HTTPName,
		Category: point.Network,
		Help: "Requests of HTTP/1, HTTP/2 and gRPC between two addresses during one interval. " +
			"The source is always the observed (local) end, be it the client or the server.",
		Tags:   withEnds(processTags(), natTags()),
		Fields: fields,
	}
}
