package flow

import "datakit.dev/agent/internal/point"

// Names of the measurements of DNS.
const (
	DNSName    = "dnsflow"
	DNSLogName = "dns_log"
)

// DNSMeasurement describes dnsflow.
func DNSMeasurement() point.Measurement {
	return point.Measurement{
		Name:     DNSName,
		Category: point.Network,
		Help: "Queries of DNS over UDP and TCP between two addresses during one interval. " +
			"The source is always the observed (local) end, be it the client or the server. " +
			"The port of the client is always *, because resolvers choose it at random.",
		Tags: withEnds(),
		Fields: []point.FieldSpec{
			{Key: "count", Unit: "count", Kind: point.KindInt, Help: "Queries that were answered or timed out. One that is sent again is the same query."},
			{Key: "latency", Unit: "ns", Kind: point.KindInt, Optional: true, Help: "Time from the query, the first when it was sent again, to its answer: mean. Absent for timeouts."},
			{Key: "latency_max", Unit: "ns", Kind: point.KindInt, Optional: true, Help: "Largest such time. Absent for timeouts."},
			{Key: "rcode", Kind: point.KindInt, Optional: true, Help: "Response code, with its extension (EDNS): 0 NoError, 1 FormErr, 2 ServFail, 3 NXDomain, 4 NotImp, 5 Refused, …; -1 when no answer came in time."},
			samplingField(),
		},
	}
}

// DNSLogMeasurement describes dns_log.
func DNSLogMeasurement() point.Measurement {
	return point.Measurement{
		Name:     DNSLogName,
		Category: point.Logging,
		Help:     "One query of DNS and what became of it; with dns_log = true. The time is that of the query.",
		Tags: []point.TagSpec{
			{Key: "client_ip", Help: "Address of the client."},
			{Key: "container_id", Help: "Container of the observed end; with container_id = true.", Optional: true},
			{Key: "direction", Help: "Which end was observed: outgoing (the client) or incoming (the server)."},
			{Key: "host", Help: "Name of the host; a global tag.", Optional: true},
			{Key: "netns", Help: "Network namespace of the socket: NS(<device id>:<inode number>).", Optional: true},
			{Key: "process_name", Help: "Process of the observed end. Absent when unknown.", Optional: true},
			{Key: "server_ip", Help: "Address of the server."},
			{Key: "server_port", Help: "Port of the server."},
			{Key: "status", Help: "info; warning for every response code but NoError and NXDomain, and for timeouts."},
			{Key: "transport", Help: "tcp or udp."},
		},
		Fields: []point.FieldSpec{
			{Key: "client_port", Kind: point.KindInt, Help: "Port of the client."},
			{Key: "latency", Unit: "ns", Kind: point.KindInt, Optional: true, Help: "Time from the query to its answer. Absent for timeouts."},
			{Key: "message", Kind: point.KindString, Help: "The query in one line."},
			{Key: "pid", Kind: point.KindInt, Optional: true, Help: "Process (thread group) of the observed end. Absent when unknown."},
			{Key: "query_name", Kind: point.KindString, Help: "Name that was asked for, in lower case, without the last dot."},
			{Key: "query_type", Kind: point.KindString, Help: "Type of the record that was asked for: A, AAAA, …; TYPE<number> where it has no name here (RFC 3597)."},
			{Key: "rcode", Kind: point.KindInt, Help: "Response code as in dnsflow; -1 when no answer came in time."},
			samplingField(),
		},
	}
}
