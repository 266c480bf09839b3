package diskio

import (
	"time"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// counters are the fields of a device.
var counters = []struct {
	key, unit, help string
	rate            bool
	of              func(*procfs.DiskStat) uint64
}{
	{"reads", "count", "Reads completed.", false, func(d *procfs.DiskStat) uint64 { return d.Reads }},
	{"writes", "count", "Writes completed.", false, func(d *procfs.DiskStat) uint64 { return d.Writes }},
	{"merged_reads", "count", "Reads that were merged with a neighbour.", false, func(d *procfs.DiskStat) uint64 { return d.MergedReads }},
	{"merged_writes", "count", "Writes that were merged with a neighbour.", false, func(d *procfs.DiskStat) uint64 { return d.MergedWrites }},
	{"read_bytes", "B", "Bytes read.", true, func(d *procfs.DiskStat) uint64 { return d.ReadSectors * procfs.SectorSize }},
	{"write_bytes", "B", "Bytes written.", true, func(d *procfs.DiskStat) uint64 { return d.WriteSectors * procfs.SectorSize }},
	{"read_time", "ms", "Time all reads took, each from its start to its end.", false, func(d *procfs.DiskStat) uint64 { return d.ReadTime }},
	{"write_time", "ms", "Time all writes took, each from its start to its end.", false, func(d *procfs.DiskStat) uint64 { return d.WriteTime }},
	{"io_time", "ms", "Time in which at least one request was under way.", false, func(d *procfs.DiskStat) uint64 { return d.IOTime }},
	{"weighted_io_time", "ms", "Sum over all requests of the time they were under way.", false, func(d *procfs.DiskStat) uint64 { return d.WeightedIOTime }},
	{"iops_in_progress", "count", "Requests under way now.", false, func(d *procfs.DiskStat) uint64 { return d.InFlight }},
}

// fields makes the fields of a device. elapsed is 0 when there is nothing to
// compare with.
func fields(before, after *procfs.DiskStat, elapsed time.Duration) []point.Field {
	all := make([]point.Field, 0, len(counters)+2)
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

func spec() []point.Measurement {
	m := point.Measurement{
		Name: Name, Category: point.Metric, Help: "Block devices and partitions. Counts are since boot or since the device appeared. The tags of device_tags are added.",
		Tags: []point.TagSpec{
			{Key: "name", Help: "The device, \"sda1\", or what name_templates makes of it."},
			{Key: "serial", Help: "Serial number of the disk, \"unknown\" where it has none; absent with skip_serial_number.", Optional: true},
		},
	}
	for _, c := range counters {
		m.Fields = append(m.Fields, point.FieldSpec{Key: c.key, Unit: c.unit, Kind: point.KindInt, Help: c.help})
		if c.rate {
			m.Fields = append(m.Fields, point.FieldSpec{
				Key: c.key + "/sec", Unit: c.unit + "/s", Kind: point.KindFloat, Optional: true,
				Help: c.help[:len(c.help)-1] + " per second; absent the first time and after a reset.",
			})
		}
	}
	return []point.Measurement{m}
}
