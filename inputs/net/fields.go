package net

import (
	"os"
	"strings"
	"time"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// counters are the fields of an interface.
var counters = []struct {
	key, unit, help string
	rate            bool
	of              func(*procfs.NetDev) uint64
}{
	{"bytes_sent", "B", "Bytes sent", true, func(d *procfs.NetDev) uint64 { return d.TxBytes }},
	{"bytes_recv", "B", "Bytes received", true, func(d *procfs.NetDev) uint64 { return d.RxBytes }},
	{"packets_sent", "count", "Packets sent", true, func(d *procfs.NetDev) uint64 { return d.TxPackets }},
	{"packets_recv", "count", "Packets received", true, func(d *procfs.NetDev) uint64 { return d.RxPackets }},
	{"err_in", "count", "Packets received with an error", false, func(d *procfs.NetDev) uint64 { return d.RxErrors }},
	{"err_out", "count", "Errors while sending", false, func(d *procfs.NetDev) uint64 { return d.TxErrors }},
	{"drop_in", "count", "Received packets that were dropped", false, func(d *procfs.NetDev) uint64 { return d.RxDropped }},
	{"drop_out", "count", "Packets to send that were dropped", false, func(d *procfs.NetDev) uint64 { return d.TxDropped }},
}

// fields makes the fields of an interface. A counter that went back, because
// the interface was made anew or its driver reset it, has no rate this time.
func fields(before, after *procfs.NetDev, elapsed time.Duration) []point.Field {
	all := make([]point.Field, 0, len(counters)+4)
	for i := range counters {
		c := &counters[i]
		v := c.of(after)
		all = append(all, point.Field{Key: c.key, Value: point.Int(int64(v))})
		if !c.rate {
			continue
		}
		if rate, ok := procfs.Rate(c.of(before), v, elapsed); ok {
			all = append(all, point.Field{Key: c.key + "/sec", Value: point.Float(rate)})
		}
	}
	return all
}

// virtual reports whether an interface has no device: it lies below
// /sys/devices/virtual. False when /sys does not show it.
func virtual(fs hostfs.Root, name string) bool {
	target, err := os.Readlink(fs.Sys("class", "net", name))
	return err == nil && strings.Contains(target, "/devices/virtual/")
}
