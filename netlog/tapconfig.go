package netlog

import (
	"math/rand/v2"
	"slices"
	"time"

	"datakit.dev/agent/netlog/log"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/plugins"
)

// newTapConfig turns the configuration into what taps need.
func newTapConfig(c *plugins.EBPF, table *Table, now func() time.Time) (*tapConfig, error) {
	rules, err := compileRules(c.NetlogBlacklist)
	if err != nil {
		return nil, err
	}
	t := &tapConfig{
		table: table, rules: rules, noIPv6: c.IPv6Disabled,
		logs:  c.NetlogLog || !c.NetlogMetricOnly,
		pages: log.NewPages(int64(table.LogMemory)),
		allow: newLimiter(table.LogRate).allow,
		seed:  [3]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()},
	}
	for proto, name := range map[int]string{packet.ProtoTCP: "tcp", packet.ProtoUDP: "udp", packet.ProtoICMP: "icmp", packet.ProtoICMPv6: "icmp"} {
		t.protocols[proto] = slices.Contains(table.LogProtocols, name)
	}
	if c.NetlogMetric {
		cfg, err := flowConfig(c, now())
		if err != nil {
			return nil, err
		}
		t.metrics = newMetrics(cfg, kindsOf(c), now)
	}
	return t, nil
}
