package net

import (
	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
)

// protocolCounters are the fields of the point with interface=all, after
// RFC 4022 and RFC 4113.
var protocolCounters = []inputs.Counter{
	{Key: "tcp_activeopens", Unit: "count", Help: "Connections opened by this machine"},
	{Key: "tcp_attemptfails", Unit: "count", Help: "Attempts to connect that failed"},
	{Key: "tcp_currestab", Unit: "count", Help: "Connections that are open now"},
	{Key: "tcp_estabresets", Unit: "count", Help: "Open connections that were reset"},
	{Key: "tcp_inerrs", Unit: "count", Help: "Segments received with an error"},
	{Key: "tcp_insegs", Unit: "count", Help: "Segments received", Rate: true},
	{Key: "tcp_outrsts", Unit: "count", Help: "Segments sent with RST"},
	{Key: "tcp_outsegs", Unit: "count", Help: "Segments sent, without those sent again", Rate: true},
	{Key: "tcp_passiveopens", Unit: "count", Help: "Connections accepted"},
	{Key: "tcp_retranssegs", Unit: "count", Help: "Segments sent again"},
	{Key: "tcp_rtoalgorithm", Help: "Algorithm of the retransmission timeout"},
	{Key: "tcp_rtomax", Unit: "ms", Help: "Largest retransmission timeout"},
	{Key: "tcp_rtomin", Unit: "ms", Help: "Smallest retransmission timeout"},
	{Key: "tcp_maxconn", Unit: "count", Help: "How many connections there may be; -1: no fixed number"},
	{Key: "tcp_incsumerrors", Unit: "count", Help: "Segments received with a wrong checksum"},
	{Key: "udp_indatagrams", Unit: "count", Help: "Datagrams received", Rate: true},
	{Key: "udp_outdatagrams", Unit: "count", Help: "Datagrams sent", Rate: true},
	{Key: "udp_inerrors", Unit: "count", Help: "Datagrams that could not be delivered"},
	{Key: "udp_noports", Unit: "count", Help: "Datagrams to ports nobody listens on"},
	{Key: "udp_rcvbuferrors", Unit: "count", Help: "Datagrams dropped because the receive buffer was full"},
	{Key: "udp_sndbuferrors", Unit: "count", Help: "Datagrams not sent because the send buffer was full"},
	{Key: "udp_incsumerrors", Unit: "count", Help: "Datagrams received with a wrong checksum"},
	{Key: "udp_memerrors", Unit: "count", Help: "Datagrams dropped for lack of memory; Linux 5.16 or newer"},
	{Key: "udp_ignoredmulti", Unit: "count", Help: "Multicast datagrams nobody wanted"},
}

func spec() []point.Measurement {
	m := point.Measurement{
		Name: Name, Category: point.Metric,
		Help:   "Network interfaces, and with interface=all the counters of TCP and UDP. Counts are since boot or since the interface was made.",
		Tags:   []point.TagSpec{{Key: "interface", Help: "Name of the interface, or all."}},
		Fields: counters.Specs(),
	}
	for _, c := range protocolCounters {
		m.Fields = append(m.Fields, c.Specs()...)
	}
	for i := range m.Fields {
		m.Fields[i].Optional = true // a point has the fields of an interface or those of protocols
	}
	return []point.Measurement{m}
}
