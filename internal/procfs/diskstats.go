package procfs

// SectorSize is the unit of the sector counts of the kernel, in bytes,
// whatever the device's own sector size is.
const SectorSize = 512

// DiskStat is one block device of /proc/diskstats. Counts are since boot or
// since the device appeared.
type DiskStat struct {
	Major, Minor uint64
	Name         string

	Reads, MergedReads, ReadSectors, ReadTime     uint64 // times in ms
	Writes, MergedWrites, WriteSectors, WriteTime uint64
	InFlight                                      uint64 // requests under way now
	IOTime, WeightedIOTime                        uint64 // ms
}

// diskColumns are the columns behind the name that every kernel since 2.6
// has; 4.18 and 5.5 added some for discard and flush.
const diskColumns = 11

// ParseDiskstats reads the content of /proc/diskstats and appends to all,
// from which it takes the memory of the names.
func ParseDiskstats(data []byte, all []DiskStat) []DiskStat {
	old := all[:cap(all)]
	for len(data) > 0 {
		var line []byte
		line, data = Line(data)
		var numbers [2]uint64
		if uints(line, numbers[:]) != 2 {
			continue
		}
		_, rest := Word(line)
		_, rest = Word(rest)
		name, rest := Word(rest)
		var c [diskColumns]uint64
		if uints(rest, c[:]) != diskColumns {
			continue // a partition of a kernel before 2.6.25 has four
		}
		d := DiskStat{
			Major: numbers[0], Minor: numbers[1],
			Reads: c[0], MergedReads: c[1], ReadSectors: c[2], ReadTime: c[3],
			Writes: c[4], MergedWrites: c[5], WriteSectors: c[6], WriteTime: c[7],
			InFlight: c[8], IOTime: c[9], WeightedIOTime: c[10],
		}
		if i := len(all); i < len(old) && old[i].Name == string(name) {
			d.Name = old[i].Name
		} else {
			d.Name = string(name)
		}
		all = append(all, d)
	}
	return all
}
