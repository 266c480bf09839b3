package flow

import (
	"time"

	"datakit.dev/agent/internal/point"
)

// dnsLog keeps transactions one by one, up to a bound; what comes then is
// dropped and counted.
type dnsLog struct {
	max     int
	tags    []point.Tag
	entries []loggedQuery
}

type loggedQuery struct {
	DNS
	hash uint64 // for sampling: the fate of its flow
}

func newDNSLog(cfg DNSConfig) *dnsLog {
	if cfg.MaxLog <= 0 {
		cfg.MaxLog = DefaultMaxLog
	}
	spec := DNSLogMeasurement()
	return &dnsLog{max: cfg.MaxLog, tags: extraTags(cfg.Tags, &spec)}
}

// Log returns the transactions since the last call as points of the
// measurement dns_log, in the order they were added: nil unless
// [DNSConfig].Log is set. Those that began at the same nanosecond are told
// apart by one more. A transaction without a time has that of now.
func (a *DNSAggregator) Log(now time.Time) []point.Point {
	if a.log == nil || len(a.log.entries) == 0 {
		return nil
	}
	spec := len(DNSLogMeasurement().Fields)
	w := newWriter(&a.intake, DNSLogName, 0, len(a.log.entries), spec, len(a.log.entries))
	w.extra = a.log.tags
	twins := make(map[int64]int64, len(a.log.entries))
	for i := range a.log.entries {
		q := &a.log.entries[i]
		if !a.cfg.Sampler.Keep(q.hash) {
			continue
		}
		at := q.Time
		if at == 0 {
			at = now.UnixNano()
		}
		w.query(&q.DNS)
		if w.rate < 1 {
			w.field("sampling_rate", point.Float(w.rate))
		}
		w.finish(at + twins[at])
		twins[at]++
	}
	a.counters.logged.Add(int64(len(w.points)))
	a.counters.logSampled.Add(int64(len(a.log.entries) - len(w.points)))
	clear(a.log.entries)
	a.log.entries = a.log.entries[:0]
	return w.points
}

// query appends the tags and fields of one transaction.
func (w *writer) query(q *DNS) {
	status, direction, transport := "info", q.Direction, "udp"
	if q.RCode != 0 && q.RCode != 3 { // NOERROR, NXDOMAIN
		status = "warning"
	}
	if direction == Unknown {
		direction = Outgoing
	}
	if q.TCP {
		transport = "tcp"
	}
	w.tag("client_ip", w.addr(q.Client.Addr()))
	w.tag("container_id", q.Container)
	w.tag("direction", direction.String())
	w.tag("netns", w.namespace(q.NetnsDev, q.Netns))
	w.tag("process_name", q.Process)
	w.tag("server_ip", w.addr(q.Server.Addr()))
	w.tag("server_port", w.number(uint64(q.Server.Port())))
	w.tag("status", status)
	w.tag("transport", transport)

	w.int("client_port", uint64(q.Client.Port()))
	took := ""
	if q.RCode >= 0 {
		w.int("latency", uint64(q.Latency))
		took = " in " + q.Latency.String()
	}
	kind := typeName(q.Type)
	w.field("message", point.String(kind+" "+q.Name+" "+rcodeName(q.RCode)+took+
		", "+transport+" "+q.Client.String()+" -> "+q.Server.String()))
	if q.PID != 0 {
		w.int("pid", uint64(q.PID))
	}
	w.field("query_name", point.String(q.Name))
	w.field("query_type", point.String(kind))
	w.field("rcode", point.Int(int64(q.RCode)))
}
