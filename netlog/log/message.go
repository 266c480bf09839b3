package log

import (
	"encoding/hex"
	"strconv"

	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// message appends the JSON of a chunk: its counters and the rows of its
// packets. Sequence numbers are relative: the absolute one is pos + value,
// modulo 2^32, and the first byte of data is pos + 1. Times are ns after
// time_pos.
func (l *Log) message(b []byte, s *conn) []byte {
	c := &s.chunk
	proto := l4Proto(s.track.Proto())
	b = append(b, `{"l4_proto":"`...)
	b = append(b, proto...)
	b = append(b, `","`...)
	b = append(b, proto...)
	b = append(b, `":{"chunk_id":`...)
	b = strconv.AppendInt(b, int64(c.id), 10)
	tcp := s.track.Proto() == packet.ProtoTCP
	if tcp {
		b = number(b, "tx_seq_pos", int64(origin(&s.track.Local)))
		b = number(b, "rx_seq_pos", int64(origin(&s.track.Remote)))
	} else if proto != "udp" {
		local, _ := s.track.Ends()
		b = number(b, "id", int64(local.Port()))
	}
	b = number(b, "time_pos", c.first)
	b = append(b, `,"mac_map":{`...)
	b = c.macMap(b)
	b = append(b, `},"`...)
	b = append(b, proto...)
	b = append(b, columns(s.track.Proto())...)
	b = append(b, proto...)
	b = append(b, `_series":[`...)
	b = l.rows(b, s)
	b = append(b, ']')
	if c.missing > 0 {
		b = number(b, "rows_missing", int64(c.missing))
	}
	b = number(b, "rx_bytes", c.rx.bytes)
	b = number(b, "tx_bytes", c.tx.bytes)
	b = number(b, "rx_packets", c.rx.packets)
	b = number(b, "tx_packets", c.tx.packets)
	if tcp {
		b = number(b, "tx_retrans", c.tx.retransmits)
		b = number(b, "rx_retrans", c.rx.retransmits)
		b = number(b, "tx_rst", c.tx.resets)
		b = number(b, "rx_rst", c.rx.resets)
	}
	return append(b, "}}"...)
}

func columns(proto uint8) string {
	switch proto {
	case packet.ProtoTCP:
		return `_series_col_name":["txrx","src_mac","dst_mac","flags","seq","ack_seq","payload_size","win","ts"],"`
	case packet.ProtoUDP:
		return `_series_col_name":["txrx","src_mac","dst_mac","payload_size","ts"],"`
	default:
		return `_series_col_name":["txrx","src_mac","dst_mac","type","code","seq","payload_size","ts"],"`
	}
}

// origin is the sequence number that relative ones are relative to: of the
// SYN, or before the first byte that was seen.
func origin(s *track.Side) uint32 {
	if s.First == 0 {
		return 0
	}
	if s.SawSYN() {
		return uint32(s.First)
	}
	return uint32(s.First) - 1
}

// macMap lists the addresses of the chunk by number.
func (c *chunk) macMap(b []byte) []byte {
	for i, mac := range c.macs {
		if i > 0 && mac == ([6]byte{}) {
			break
		}
		if c.packets == c.missing {
			break
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = appendMAC(b, mac)
		b = append(b, `":"`...)
		b = append(b, byte('1'+i), '"')
	}
	return b
}

// appendMAC writes an address as "02:00:00:00:00:01".
func appendMAC(b []byte, mac [6]byte) []byte {
	for i := range mac {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, mac[i:i+1])
	}
	return b
}

func (l *Log) rows(b []byte, s *conn) []byte {
	proto := s.track.Proto()
	tx, rx := origin(&s.track.Local), origin(&s.track.Remote)
	first := true
	for p := s.chunk.rows; p != nil; p = p.next {
		for i := range p.rows[:p.n] {
			if !first {
				b = append(b, ',')
			}
			first = false
			r := &p.rows[i]
			own, other, name := rx, tx, `["rx","`
			if r.local {
				own, other, name = tx, rx, `["tx","`
			}
			b = append(b, name...)
			b = append(b, '0'+r.src)
			b = append(b, `","`...)
			b = append(b, '0'+r.dst)
			b = append(b, '"', ',')
			switch proto {
			case packet.ProtoTCP:
				b = r.tcp(b, own, other)
			case packet.ProtoUDP:
				b = strconv.AppendUint(b, uint64(r.size), 10)
			default:
				b = r.icmp(b)
			}
			b = append(b, ',')
			b = strconv.AppendInt(b, r.time-s.chunk.first, 10)
			b = append(b, ']')
		}
	}
	return b
}

func (r *row) tcp(b []byte, own, other uint32) []byte {
	b = append(b, '"')
	b = appendFlags(b, r.flags)
	b = append(b, '"', ',')
	b = strconv.AppendUint(b, uint64(r.seq-own), 10)
	b = append(b, ',')
	ack := uint32(0)
	if r.flags.Has(packet.ACK) {
		ack = r.ack - other
	}
	b = strconv.AppendUint(b, uint64(ack), 10)
	b = append(b, ',')
	b = strconv.AppendUint(b, uint64(r.size), 10)
	b = append(b, ',')
	return strconv.AppendUint(b, uint64(r.window), 10)
}

func (r *row) icmp(b []byte) []byte {
	for _, v := range [...]uint32{r.seq >> 8, r.seq & 0xff, r.ack} {
		b = strconv.AppendUint(b, uint64(v), 10)
		b = append(b, ',')
	}
	return strconv.AppendUint(b, uint64(r.size), 10)
}

func appendFlags(b []byte, f packet.Flags) []byte {
	names := [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}
	start := len(b)
	for i, name := range names {
		if f&(1<<i) == 0 {
			continue
		}
		if len(b) > start {
			b = append(b, '|')
		}
		b = append(b, name...)
	}
	return b
}

func number(b []byte, key string, v int64) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return strconv.AppendInt(b, v, 10)
}
