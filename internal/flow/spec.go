package flow

import (
	"slices"
	"strings"

	"datakit.dev/agent/internal/point"
)

// Name is the name of the measurement of connections.
const Name = "netflow"

// Measurement describes netflow.
func Measurement() point.Measurement {
	return point.Measurement{
		Name:     Name,
		Category: point.Network,
		Help: "Traffic of one process between two addresses during one interval. " +
			"The source is always the observed (local) end, whoever opened the connection.",
		Tags: withEnds(processTags(), natTags()),
		Fields: []point.FieldSpec{
			{Key: "bytes_read", Unit: "B", Kind: point.KindInt, Help: "Payload the application read."},
			{Key: "bytes_written", Unit: "B", Kind: point.KindInt, Help: "Payload the application wrote."},
			{Key: "retransmits", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP segments sent again."},
			{Key: "rtt", Unit: "us", Kind: point.KindInt, Optional: true, Help: "TCP round trip time: mean over the connections of the kernel's smoothed value; 0 when none was measured."},
			{Key: "rtt_var", Unit: "us", Kind: point.KindInt, Optional: true, Help: "TCP round trip time's mean deviation (jitter): mean over the connections."},
			samplingField(),
			{Key: "tcp_closed", Unit: "count", Kind: point.KindInt, Optional: true, Help: "Connections closed."},
			{Key: "tcp_established", Unit: "count", Kind: point.KindInt, Optional: true, Help: "Connections established. Those open before the start are not counted."},
		},
	}
}

// withEnds lists the tags every measurement has, and more of its own.
func withEnds(more ...[]point.TagSpec) []point.TagSpec {
	tags := []point.TagSpec{
		{Key: "container_id", Help: "Container the process runs in; with container_id = true.", Optional: true},
		{Key: "direction", Help: "Which end opened the connection: outgoing (the source did) or incoming. Absent when unknown.", Optional: true},
		{Key: "dst_domain", Help: "Name the destination was resolved from; needs DNS answers to be observed.", Optional: true},
		{Key: "dst_ip", Help: "Address of the remote end.", Optional: true},
		{Key: "dst_ip_type", Help: "private, multicast, loopback or other.", Optional: true},
		{Key: "dst_port", Help: "Port of the remote end; * for a client port from ephemeral_port on.", Optional: true},
		{Key: "family", Help: "Network protocol: IPv4 or IPv6. An IPv4-mapped address is IPv4.", Optional: true},
		{Key: "host", Help: "Name of the host; a global tag.", Optional: true},
		{Key: "netns", Help: "Network namespace of the socket: NS(<device id>:<inode number>).", Optional: true},
		{Key: "overflow", Help: "true on the one series that sums all flows beyond max_flows; it has no other tag of its own.", Optional: true},
		{Key: "src_ip", Help: "Address of the local end.", Optional: true},
		{Key: "src_ip_type", Help: "private, multicast, loopback or other.", Optional: true},
		{Key: "src_port", Help: "Port of the local end; * for a client port from ephemeral_port on.", Optional: true},
		{Key: "transport", Help: "tcp or udp.", Optional: true},
	}
	tags = slices.Concat(append(more, tags)...)
	slices.SortFunc(tags, func(a, b point.TagSpec) int { return strings.Compare(a.Key, b.Key) })
	return tags
}

func processTags() []point.TagSpec {
	return []point.TagSpec{
		{Key: "pid", Help: "Process (thread group) that owns the socket. Absent when unknown.", Optional: true},
		{Key: "process_name", Help: "Name of the thread group's leader. Absent when unknown.", Optional: true},
	}
}

func natTags() []point.TagSpec {
	return []point.TagSpec{
		{Key: "dst_nat_ip", Help: "Address of the remote end after destination NAT, for outgoing; needs ebpf-conntrack.", Optional: true},
		{Key: "dst_nat_port", Help: "Port of the remote end after destination NAT, for outgoing; needs ebpf-conntrack.", Optional: true},
	}
}

func samplingField() point.FieldSpec {
	return point.FieldSpec{Key: "sampling_rate", Kind: point.KindFloat, Optional: true, Help: "Share of flows that is reported; only on points that were thinned."}
}
