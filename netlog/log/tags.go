package log

import (
	"slices"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// tags are those of a connection, with room for the l7 ones.
func (l *Log) tags(s *conn, more ...point.Tag) []point.Tag {
	c := s.track
	local, remote := c.Ends()
	srcIP, dstIP := local.Addr().String(), remote.Addr().String()
	srcPort, dstPort := port(c, local.Port()), port(c, remote.Port())
	client, clientPort, server, serverPort := srcIP, srcPort, dstIP, dstPort
	direction, side := "unknown", "unknown"
	switch c.Opened {
	case track.OpenedByLocal:
		direction, side = "outgoing", "client"
	case track.OpenedByRemote:
		direction, side = "incoming", "server"
		client, clientPort, server, serverPort = dstIP, dstPort, srcIP, srcPort
	}
	l7 := "unknown"
	if s.http {
		l7 = "http"
	}
	tunnel, vni := c.Tunnel()
	tags := make([]point.Tag, 0, 18+len(l.fixed)+len(more))
	add := func(key, value string) {
		if value != "" {
			tags = append(tags, point.Tag{Key: key, Value: value})
		}
	}
	add("client_ip", client)
	add("client_port", clientPort)
	add("conn_side", side)
	add("direction", direction)
	add("dst_ip", dstIP)
	add("dst_port", dstPort)
	add("inner_traceid", l.innerTraceID(c))
	add("l4_proto", l4Proto(c.Proto()))
	add("l7_proto", l7)
	add("server_ip", server)
	add("server_port", serverPort)
	add("src_ip", srcIP)
	add("src_port", srcPort)
	if tunnel == packet.VXLAN || tunnel == packet.Geneve {
		add("vni_id", strconv.FormatUint(uint64(vni), 10))
	}
	add("vxlan_packet", truth(tunnel == packet.VXLAN))
	tags = append(append(tags, l.fixed...), more...)
	slices.SortFunc(tags, func(a, b point.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags
}

// port is the value of a tag; ICMP has none.
func port(c *track.Conn, n uint16) string {
	if c.Proto() != packet.ProtoTCP && c.Proto() != packet.ProtoUDP {
		return ""
	}
	return strconv.Itoa(int(n))
}

// l4Proto is the name of a protocol.
func l4Proto(proto uint8) string {
	switch proto {
	case packet.ProtoTCP:
		return "tcp"
	case packet.ProtoUDP:
		return "udp"
	case packet.ProtoICMP:
		return "icmp"
	default:
		return "icmpv6"
	}
}
