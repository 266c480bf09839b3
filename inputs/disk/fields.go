package disk

import (
	"datakit.dev/agent/internal/mounts"
	"datakit.dev/agent/internal/point"
)

// column is one field of a file system.
type column struct {
	spec point.FieldSpec
	of   func(mounts.Usage) point.Value
}

func number(key, unit, help string, of func(mounts.Usage) uint64) column {
	return column{point.FieldSpec{Key: key, Unit: unit, Help: help, Kind: point.KindInt},
		func(u mounts.Usage) point.Value { return point.Int(int64(of(u))) }}
}

func percent(key, help string, of func(mounts.Usage) float64) column {
	return column{point.FieldSpec{Key: key, Unit: "percent", Help: help, Kind: point.KindFloat},
		func(u mounts.Usage) point.Value { return point.Float(of(u)) }}
}

// space is on every point.
func space() []column {
	return []column{
		number("total", "B", "Size.", func(u mounts.Usage) uint64 { return u.Total }),
		number("free", "B", "What everybody may use; root may use more.", func(u mounts.Usage) uint64 { return u.Free }),
		number("used", "B", "In use.", func(u mounts.Usage) uint64 { return u.Used }),
		percent("used_percent", "used of used and free, as df computes it; what is reserved for root counts for neither.", mounts.Usage.UsedPercent),
	}
}

// files is on points of file systems that count inodes.
func files() []column {
	return []column{
		number("inodes_total_mb", "10^6", "Inodes, in whole millions.", func(u mounts.Usage) uint64 { return u.Files / 1e6 }),
		number("inodes_free_mb", "10^6", "Free inodes, in whole millions.", func(u mounts.Usage) uint64 { return u.FFree / 1e6 }),
		number("inodes_used_mb", "10^6", "Inodes in use, in whole millions.", func(u mounts.Usage) uint64 { return u.FilesUsed() / 1e6 }),
		percent("inodes_used_percent", "Inodes in use.", mounts.Usage.FilesUsedPercent),
		number("inodes_total", "count", "Inodes.", func(u mounts.Usage) uint64 { return u.Files }),
		number("inodes_free", "count", "Free inodes.", func(u mounts.Usage) uint64 { return u.FFree }),
		number("inodes_used", "count", "Inodes in use.", mounts.Usage.FilesUsed),
	}
}

func fields(u mounts.Usage) (all []point.Field) {
	columns := space()
	if u.Files > 0 {
		columns = append(columns, files()...)
	}
	for _, c := range columns {
		all = append(all, point.Field{Key: c.spec.Key, Value: c.of(u)})
	}
	return all
}

func spec() []point.Measurement {
	m := point.Measurement{
		Name: Name, Category: point.Metric, Help: "Mounted file systems.",
		Tags: []point.TagSpec{
			{Key: "device", Help: "What is mounted: /dev/sda1, server:/export."},
			{Key: "fstype", Help: "Type of the file system."},
			{Key: "mount_point", Help: "Where it is mounted, as the host sees it."},
		},
	}
	for _, c := range space() {
		m.Fields = append(m.Fields, c.spec)
	}
	for _, c := range files() {
		c.spec.Optional = true
		c.spec.Help += " Absent where the file system does not count them."
		m.Fields = append(m.Fields, c.spec)
	}
	return []point.Measurement{m}
}
