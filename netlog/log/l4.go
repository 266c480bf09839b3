package log

import (
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/packet"
)

// Names of the measurements.
const (
	L4Name = "bpf_net_l4_log"
	L7Name = "bpf_net_l7_log"
)

// l4 makes the point of a chunk.
func (l *Log) l4(s *conn) point.Point {
	c := &s.chunk
	fields := make([]point.Field, 0, 24)
	integer := func(key string, v int64) { fields = append(fields, point.Field{Key: key, Value: point.Int(v)}) }
	integer("chunk_id", int64(c.id))
	integer("rx_bytes", c.rx.bytes)
	integer("rx_packets", c.rx.packets)
	integer("tx_bytes", c.tx.bytes)
	integer("tx_packets", c.tx.packets)
	if s.track.Proto() == packet.ProtoTCP {
		fields = l.tcpFields(s, fields)
	}
	l.text = l.message(l.text[:0], s)
	fields = append(fields, point.Field{Key: "message", Value: point.String(string(l.text))})
	return point.Point{Measurement: L4Name, Tags: l.tags(s), Fields: fields, Time: c.first}
}

func (l *Log) tcpFields(s *conn, fields []point.Field) []point.Field {
	c := &s.chunk
	add := func(key string, v point.Value) { fields = append(fields, point.Field{Key: key, Value: v}) }
	add("rx_dup_acks", point.Int(c.rx.duplicateAcks))
	add("rx_out_of_order", point.Int(c.rx.outOfOrder))
	add("rx_retrans", point.Int(c.rx.retransmits))
	add("rx_seq_max", point.Int(int64(uint32(c.rx.highest))))
	add("rx_seq_min", point.Int(int64(uint32(c.rx.lowest))))
	add("rx_zero_windows", point.Int(c.rx.zeroWindows))
	add("tcp_syn_retrans", point.Int(c.tx.synRetransmits))
	add("tx_dup_acks", point.Int(c.tx.duplicateAcks))
	add("tx_out_of_order", point.Int(c.tx.outOfOrder))
	add("tx_retrans", point.Int(c.tx.retransmits))
	add("tx_seq_max", point.Int(int64(uint32(c.tx.highest))))
	add("tx_seq_min", point.Int(int64(uint32(c.tx.lowest))))
	add("tx_zero_windows", point.Int(c.tx.zeroWindows))
	if c.rtt > 0 {
		add("tcp_rtt", point.Float(milliseconds(c.rtt)))
	}
	if c.syn {
		add("chunk_syn", point.Bool(true))
	}
	if c.fin {
		add("chunk_fin", point.Bool(true))
	}
	if cost, ok := s.track.Handshake(); ok && c.established {
		add("tcp_3whs_cost", point.Float(milliseconds(int64(cost))))
	}
	if cost, ok := s.track.Teardown(); ok && c.closed {
		add("tcp_4whs_cost", point.Float(milliseconds(int64(cost))))
	}
	return fields
}

func milliseconds(ns int64) float64 { return float64(ns) / 1e6 }
