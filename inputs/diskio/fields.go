package diskio

import (
	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// counters are the fields of a device.
var counters = inputs.Counters[procfs.DiskStat]{
	{inputs.Counter{Key: "reads", Unit: "count", Help: "Reads completed"}, func(d *procfs.DiskStat) uint64 { return d.Reads }},
	{inputs.Counter{Key: "writes", Unit: "count", Help: "Writes completed"}, func(d *procfs.DiskStat) uint64 { return d.Writes }},
	{inputs.Counter{Key: "merged_reads", Unit: "count", Help: "Reads that were merged with a neighbour"}, func(d *procfs.DiskStat) uint64 { return d.MergedReads }},
	{inputs.Counter{Key: "merged_writes", Unit: "count", Help: "Writes that were merged with a neighbour"}, func(d *procfs.DiskStat) uint64 { return d.MergedWrites }},
	{inputs.Counter{Key: "read_bytes", Unit: "B", Help: "Bytes read", Rate: true}, func(d *procfs.DiskStat) uint64 { return d.ReadSectors * procfs.SectorSize }},
	{inputs.Counter{Key: "write_bytes", Unit: "B", Help: "Bytes written", Rate: true}, func(d *procfs.DiskStat) uint64 { return d.WriteSectors * procfs.SectorSize }},
	{inputs.Counter{Key: "read_time", Unit: "ms", Help: "Time all reads took, each from its start to its end"}, func(d *procfs.DiskStat) uint64 { return d.ReadTime }},
	{inputs.Counter{Key: "write_time", Unit: "ms", Help: "Time all writes took, each from its start to its end"}, func(d *procfs.DiskStat) uint64 { return d.WriteTime }},
	{inputs.Counter{Key: "io_time", Unit: "ms", Help: "Time in which at least one request was under way"}, func(d *procfs.DiskStat) uint64 { return d.IOTime }},
	{inputs.Counter{Key: "weighted_io_time", Unit: "ms", Help: "Sum over all requests of the time they were under way"}, func(d *procfs.DiskStat) uint64 { return d.WeightedIOTime }},
	{inputs.Counter{Key: "iops_in_progress", Unit: "count", Help: "Requests under way now"}, func(d *procfs.DiskStat) uint64 { return d.InFlight }},
}

func spec() []point.Measurement {
	return []point.Measurement{{
		Name: Name, Category: point.Metric, Help: "Block devices and partitions. Counts are since boot or since the device appeared. The tags of device_tags are added.",
		Tags: []point.TagSpec{
			{Key: "name", Help: "The device, \"sda1\", or what name_templates makes of it."},
			{Key: "serial", Help: "Serial number of the disk, \"unknown\" where it has none; absent with skip_serial_number.", Optional: true},
		},
		Fields: counters.Specs(),
	}}
}
