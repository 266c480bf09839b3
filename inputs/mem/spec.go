package mem

import (
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// computed are the fields that are not one entry of /proc/meminfo.
var computed = []struct {
	key, unit, help string
	kind            point.Kind
	value           func(*procfs.Meminfo) point.Value
}{
	{"available", "B", "What programs can still get without swapping, as the kernel estimates it.", point.KindInt,
		func(m *procfs.Meminfo) point.Value { return point.Int(int64(m.Available())) }},
	{"used", "B", "total less available.", point.KindInt,
		func(m *procfs.Meminfo) point.Value { return point.Int(int64(m.Used())) }},
	{"used_percent", "percent", "used of total.", point.KindFloat,
		func(m *procfs.Meminfo) point.Value { return point.Float(procfs.Percent(m.Used(), m.Total())) }},
	{"available_percent", "percent", "available of total.", point.KindFloat,
		func(m *procfs.Meminfo) point.Value { return point.Float(procfs.Percent(m.Available(), m.Total())) }},
}

// entry is a field that is one entry of /proc/meminfo.
type entry struct {
	key, name, unit, help string
	without               func(*procfs.Meminfo) (uint64, bool) // when the kernel does not show it
}

// A kernel that addresses all memory directly has no high memory and does not
// mention it: all of its memory is low memory.
func none(*procfs.Meminfo) (uint64, bool)   { return 0, true }
func all(m *procfs.Meminfo) (uint64, bool)  { return m.Get("MemTotal") }
func free(m *procfs.Meminfo) (uint64, bool) { return m.Get("MemFree") }

var entries = []entry{
	{"total", "MemTotal", "B", "Memory of the machine, without what the kernel's image takes.", nil},
	{"free", "MemFree", "B", "Used for nothing.", nil},
	{"active", "Active", "B", "Used recently.", nil},
	{"inactive", "Inactive", "B", "Not used recently; reclaimed first.", nil},
	{"buffered", "Buffers", "B", "Cache of block devices.", nil},
	{"cached", "Cached", "B", "Cache of files, and shared memory; without swap_cached and sreclaimable.", nil},
	{"commit_limit", "CommitLimit", "B", "What may be promised to programs, where overcommitting is off.", nil},
	{"committed_as", "Committed_AS", "B", "What is promised to programs.", nil},
	{"dirty", "Dirty", "B", "Waits to be written to disk.", nil},
	{"high_free", "HighFree", "B", "Free high memory; 0 on a kernel without.", none},
	{"high_total", "HighTotal", "B", "High memory, which a 32-bit kernel cannot address directly; 0 on a kernel without.", none},
	{"huge_pages_free", "HugePages_Free", "count", "Huge pages of the pool that are free.", none},
	{"huge_pages_size", "Hugepagesize", "B", "Size of a huge page; 0 on a kernel without.", none},
	{"huge_page_total", "HugePages_Total", "count", "Huge pages of the pool.", none},
	{"low_free", "LowFree", "B", "Free low memory; on a kernel without high memory the same as free.", free},
	{"low_total", "LowTotal", "B", "Low memory; on a kernel without high memory the same as total.", all},
	{"mapped", "Mapped", "B", "Files that are mapped into programs.", nil},
	{"page_tables", "PageTables", "B", "Page tables.", nil},
	{"shared", "Shmem", "B", "Shared memory and tmpfs.", none},
	{"slab", "Slab", "B", "Data structures of the kernel.", nil},
	{"sreclaimable", "SReclaimable", "B", "The part of slab that can be reclaimed.", none},
	{"sunreclaim", "SUnreclaim", "B", "The part of slab that cannot be reclaimed.", none},
	{"swap_cached", "SwapCached", "B", "Was swapped out, is back in memory and still in swap.", none},
	{"swap_free", "SwapFree", "B", "Swap that is not used.", none},
	{"swap_total", "SwapTotal", "B", "Swap.", none},
	{"vmalloc_chunk", "VmallocChunk", "B", "Largest free block of the vmalloc area; 0 on newer kernels.", none},
	{"vmalloc_total", "VmallocTotal", "B", "Size of the vmalloc area.", none},
	{"vmalloc_used", "VmallocUsed", "B", "Used of the vmalloc area.", none},
	{"write_back", "Writeback", "B", "Is being written to disk.", nil},
	{"write_back_tmp", "WritebackTmp", "B", "Of FUSE, for writing back.", none},
}

func spec() []point.Measurement {
	m := point.Measurement{Name: Name, Category: point.Metric, Help: "Memory of the machine."}
	for _, c := range computed {
		m.Fields = append(m.Fields, point.FieldSpec{Key: c.key, Unit: c.unit, Kind: c.kind, Help: c.help})
	}
	for _, e := range entries {
		m.Fields = append(m.Fields, point.FieldSpec{Key: e.key, Unit: e.unit, Kind: point.KindInt, Help: e.help})
	}
	return []point.Measurement{m}
}
