package netlog

import (
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/log"
	"datakit.dev/agent/netlog/track"
)

// totals are the counters of one capture, or the sum of several.
type totals struct {
	source  capture.Stats
	kernel  int64 // packets that the blacklist dropped in the kernel
	tap     tapCounts
	track   track.Stats
	log     log.Stats
	noHTTP  int64 // connections not read for HTTP because too many were
	badDNS  int64 // messages
	waiting int64 // frames lost in rings that were closed
}

func (t *tap) totals() totals {
	s := totals{tap: t.counts, track: t.table.Stats()}
	if t.log != nil {
		s.log = t.log.Stats()
	}
	if t.http != nil {
		s.noHTTP = t.http.full
	}
	if t.dns != nil {
		s.badDNS = t.dns.bad
	}
	return s
}

// add sums up.
func (s *totals) add(o *totals) {
	s.source.Received += o.source.Received
	s.source.Dropped += o.source.Dropped
	s.source.Delivered += o.source.Delivered
	s.source.Freezes += o.source.Freezes
	for i := range s.source.Refused {
		s.source.Refused[i] += o.source.Refused[i]
	}
	s.kernel += o.kernel
	s.tap.Packets += o.tap.Packets
	s.tap.Filtered += o.tap.Filtered
	s.tap.IPv6 += o.tap.IPv6
	s.track.Add(&o.track)
	s.log.Add(&o.log)
	s.noHTTP += o.noHTTP
	s.badDNS += o.badDNS
	s.waiting += o.waiting
}
