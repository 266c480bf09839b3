package log

import "datakit.dev/agent/internal/point"

// L4Measurement describes bpf_net_l4_log.
func L4Measurement() point.Measurement {
	return point.Measurement{
		Name: L4Name, Category: point.Logging,
		Help: "A part of one connection as one network interface saw it: up to 256 packets or 30 seconds. " +
			"The source is always the interface's side; time is that of the first packet.",
		Tags: tagSpecs("unknown or http."),
		Fields: []point.FieldSpec{
			{Key: "chunk_fin", Kind: point.KindBool, Optional: true, Help: "true: a FIN or RST is among the packets."},
			{Key: "chunk_id", Kind: point.KindInt, Help: "Number of the part within the connection, from 1."},
			{Key: "chunk_syn", Kind: point.KindBool, Optional: true, Help: "true: a SYN is among the packets."},
			{Key: "message", Kind: point.KindString, Help: "JSON: the counters and one row per packet."},
			{Key: "rx_bytes", Unit: "B", Kind: point.KindInt, Help: "Payload received, with what was repeated."},
			{Key: "rx_dup_acks", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP: duplicate acknowledgements received."},
			{Key: "rx_out_of_order", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP: segments received out of order."},
			{Key: "rx_packets", Unit: "count", Kind: point.KindInt, Help: "Packets received."},
			{Key: "rx_retrans", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP: repeated segments received."},
			{Key: "rx_seq_max", Kind: point.KindInt, Optional: true, Help: "TCP: last sequence number received, serial arithmetic: less than the first when it wrapped."},
			{Key: "rx_seq_min", Kind: point.KindInt, Optional: true, Help: "TCP: first sequence number received; 0 when none was."},
			{Key: "rx_zero_windows", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP: packets received that close the window."},
			{Key: "tcp_3whs_cost", Unit: "ms", Kind: point.KindFloat, Optional: true, Help: "From the first SYN to the end of the handshake; on the part that ends it."},
			{Key: "tcp_4whs_cost", Unit: "ms", Kind: point.KindFloat, Optional: true, Help: "From the first FIN to the end of the connection; on the part that ends it."},
			{Key: "tcp_rtt", Unit: "ms", Kind: point.KindFloat, Optional: true, Help: "Smoothed round trip time of what was sent (RFC 6298), at the end of the part."},
			{Key: "tcp_syn_retrans", Unit: "count", Kind: point.KindInt, Optional: true, Help: "Repeated SYNs sent; they are part of tx_retrans."},
			{Key: "tx_bytes", Unit: "B", Kind: point.KindInt, Help: "Payload sent, with what was repeated."},
			{Key: "tx_dup_acks", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP: duplicate acknowledgements sent."},
			{Key: "tx_out_of_order", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP: segments sent out of order."},
			{Key: "tx_packets", Unit: "count", Kind: point.KindInt, Help: "Packets sent."},
			{Key: "tx_retrans", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP: repeated segments sent."},
			{Key: "tx_seq_max", Kind: point.KindInt, Optional: true, Help: "TCP: last sequence number sent, serial arithmetic."},
			{Key: "tx_seq_min", Kind: point.KindInt, Optional: true, Help: "TCP: first sequence number sent; 0 when none was."},
			{Key: "tx_zero_windows", Unit: "count", Kind: point.KindInt, Optional: true, Help: "TCP: packets sent that close the window."},
		},
	}
}

// L7Measurement describes bpf_net_l7_log.
func L7Measurement() point.Measurement {
	return point.Measurement{
		Name: L7Name, Category: point.Logging,
		Help: "One HTTP exchange as one network interface saw it. Time is that of the request's first byte.",
		Tags: append(tagSpecs("http."), []point.TagSpec{
			{Key: "l7_traceid", Help: "Names the exchange on every interface it passes: <sequence number of the request>_<of the response>."},
			{Key: "parent_id", Help: "Span the request belongs to, from its traceparent or x-datadog-parent-id header.", Optional: true},
			{Key: "trace_id", Help: "Trace the request belongs to, from its traceparent or x-datadog-trace-id header.", Optional: true},
		}...),
		Fields: []point.FieldSpec{
			{Key: "cost_cnt_dl", Unit: "ms", Kind: point.KindFloat, Optional: true, Help: "From the first to the last byte of the response."},
			{Key: "cost_req_sent", Unit: "ms", Kind: point.KindFloat, Optional: true, Help: "From the first to the last byte of the request."},
			{Key: "cost_resp_wait", Unit: "ms", Kind: point.KindFloat, Optional: true, Help: "From the last byte of the request to the first of the response."},
			{Key: "grpc_status_code", Kind: point.KindInt, Optional: true, Help: "grpc-status; -1 when there was none. gRPC only."},
			{Key: "http_method", Kind: point.KindString, Help: "GET, POST …"},
			{Key: "http_path", Kind: point.KindString, Help: "Path of the request, without its query."},
			{Key: "http_status_code", Kind: point.KindInt, Help: "Status of the response; 0: none was seen."},
			{Key: "http_version", Kind: point.KindString, Help: "1.0, 1.1 or 2."},
			{Key: "message", Kind: point.KindString, Help: "JSON: the exchange."},
			{Key: "rx_bytes", Unit: "B", Kind: point.KindInt, Help: "Size of the message received, head and body."},
			{Key: "rx_seq", Kind: point.KindInt, Help: "Sequence number of the first byte of the message received."},
			{Key: "truncated", Kind: point.KindBool, Optional: true, Help: "true: http_path is cut."},
			{Key: "tx_bytes", Unit: "B", Kind: point.KindInt, Help: "Size of the message sent, head and body."},
			{Key: "tx_seq", Kind: point.KindInt, Help: "Sequence number of the first byte of the message sent."},
		},
	}
}

func tagSpecs(l7 string) []point.TagSpec {
	return []point.TagSpec{
		{Key: "client_ip", Help: "Address of the end that opened the connection; the source's when unknown."},
		{Key: "client_port", Help: "Its port.", Optional: true},
		{Key: "conn_side", Help: "What the source is: client, server or unknown."},
		{Key: "direction", Help: "outgoing: the source opened the connection; incoming; unknown."},
		{Key: "dst_ip", Help: "Address of the other end."},
		{Key: "dst_port", Help: "Port of the other end.", Optional: true},
		{Key: "host", Help: "Name of the host; a global tag.", Optional: true},
		{Key: "host_network", Help: "Whether the interface is in the network namespace of the host."},
		{Key: "inner_traceid", Help: "Names the connection on this interface, in L4 and L7 logs."},
		{Key: "k8s_container_name", Help: "Container whose namespace the interface is in.", Optional: true},
		{Key: "k8s_namespace", Help: "Its Kubernetes namespace.", Optional: true},
		{Key: "k8s_pod_name", Help: "Its pod.", Optional: true},
		{Key: "l4_proto", Help: "tcp, udp, icmp or icmpv6."},
		{Key: "l7_proto", Help: l7},
		{Key: "netns", Help: "Network namespace of the interface: NS(<device id>:<inode number>).", Optional: true},
		{Key: "nic_mac", Help: "Address of the interface.", Optional: true},
		{Key: "nic_name", Help: "Name of the interface.", Optional: true},
		{Key: "server_ip", Help: "Address of the end that was connected to; the destination's when unknown."},
		{Key: "server_port", Help: "Its port.", Optional: true},
		{Key: "src_ip", Help: "Address of the end on the interface's side."},
		{Key: "src_port", Help: "Its port.", Optional: true},
		{Key: "virtual_nic", Help: "Whether the interface is no hardware."},
		{Key: "vni_id", Help: "Network identifier of the VXLAN or Geneve tunnel.", Optional: true},
		{Key: "vxlan_packet", Help: "Whether the packets came in VXLAN."},
	}
}
