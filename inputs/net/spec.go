package net

import "datakit.dev/agent/internal/point"

// protocolCounters are the fields of the point with interface=all, after
// RFC 4022 and RFC 4113.
var protocolCounters = []struct {
	key, unit, help string
	rate            bool
}{
	{"tcp_activeopens", "count", "Connections opened by this machine", false},
	{"tcp_attemptfails", "count", "Attempts to connect that failed", false},
	{"tcp_currestab", "count", "Connections that are open now", false},
	{"tcp_estabresets", "count", "Open connections that were reset", false},
	{"tcp_inerrs", "count", "Segments received with an error", false},
	{"tcp_insegs", "count", "Segments received", true},
	{"tcp_outrsts", "count", "Segments sent with RST", false},
	{"tcp_outsegs", "count", "Segments sent, without those sent again", true},
	{"tcp_passiveopens", "count", "Connections accepted", false},
	{"tcp_retranssegs", "count", "Segments sent again", false},
	{"tcp_rtoalgorithm", "", "Algorithm of the retransmission timeout", false},
	{"tcp_rtomax", "ms", "Largest retransmission timeout", false},
	{"tcp_rtomin", "ms", "Smallest retransmission timeout", false},
	{"tcp_maxconn", "count", "How many connections there may be; -1: no fixed number", false},
	{"tcp_incsumerrors", "count", "Segments received with a wrong checksum", false},
	{"udp_indatagrams", "count", "Datagrams received", true},
	{"udp_outdatagrams", "count", "Datagrams sent", true},
	{"udp_inerrors", "count", "Datagrams that could not be delivered", false},
	{"udp_noports", "count", "Datagrams to ports nobody listens on", false},
	{"udp_rcvbuferrors", "count", "Datagrams dropped because the receive buffer was full", false},
	{"udp_sndbuferrors", "count", "Datagrams not sent because the send buffer was full", false},
	{"udp_incsumerrors", "count", "Datagrams received with a wrong checksum", false},
	{"udp_memerrors", "count", "Datagrams dropped for lack of memory; Linux 5.16 or newer", false},
	{"udp_ignoredmulti", "count", "Multicast datagrams nobody wanted", false},
}

func spec() []point.Measurement {
	m := point.Measurement{
		Name: Name, Category: point.Metric,
		Help: "Network interfaces, and with interface=all the counters of TCP and UDP. Counts are since boot or since the interface was made.",
		Tags: []point.TagSpec{{Key: "interface", Help: "Name of the interface, or all."}},
	}
	add := func(key, unit, help string, kind point.Kind) {
		// Each point has the fields of an interface or those of protocols.
		m.Fields = append(m.Fields, point.FieldSpec{Key: key, Unit: unit, Kind: kind, Help: help + ".", Optional: true})
	}
	for _, c := range counters {
		add(c.key, c.unit, c.help, point.KindInt)
		if c.rate {
			add(c.key+"/sec", c.unit+"/s", c.help+" per second; absent the first time and after a reset", point.KindFloat)
		}
	}
	for _, c := range protocolCounters {
		add(c.key, c.unit, c.help, point.KindInt)
		if c.rate {
			add(c.key+"/sec", c.unit+"/s", c.help+" per second; absent the first time and after a reset", point.KindFloat)
		}
	}
	return []point.Measurement{m}
}
