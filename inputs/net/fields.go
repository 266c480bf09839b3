package net

import (
	"os"
	"strings"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/procfs"
)

// counters are the fields of an interface.
var counters = inputs.Counters[procfs.NetDev]{
	{inputs.Counter{Key: "bytes_sent", Unit: "B", Help: "Bytes sent", Rate: true}, func(d *procfs.NetDev) uint64 { return d.TxBytes }},
	{inputs.Counter{Key: "bytes_recv", Unit: "B", Help: "Bytes received", Rate: true}, func(d *procfs.NetDev) uint64 { return d.RxBytes }},
	{inputs.Counter{Key: "packets_sent", Unit: "count", Help: "Packets sent", Rate: true}, func(d *procfs.NetDev) uint64 { return d.TxPackets }},
	{inputs.Counter{Key: "packets_recv", Unit: "count", Help: "Packets received", Rate: true}, func(d *procfs.NetDev) uint64 { return d.RxPackets }},
	{inputs.Counter{Key: "err_in", Unit: "count", Help: "Packets received with an error"}, func(d *procfs.NetDev) uint64 { return d.RxErrors }},
	{inputs.Counter{Key: "err_out", Unit: "count", Help: "Errors while sending"}, func(d *procfs.NetDev) uint64 { return d.TxErrors }},
	{inputs.Counter{Key: "drop_in", Unit: "count", Help: "Received packets that were dropped"}, func(d *procfs.NetDev) uint64 { return d.RxDropped }},
	{inputs.Counter{Key: "drop_out", Unit: "count", Help: "Packets to send that were dropped"}, func(d *procfs.NetDev) uint64 { return d.TxDropped }},
}

// virtual reports whether an interface has no device: it lies below
// /sys/devices/virtual. False when /sys does not show it.
func virtual(fs hostfs.Root, name string) bool {
	target, err := os.Readlink(fs.Sys("class", "net", name))
	return err == nil && strings.Contains(target, "/devices/virtual/")
}
