package hostobject

import (
	"os"
	"strings"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// sample is one reading of the numbers of the machine.
type sample struct {
	at   time.Time
	stat procfs.Stat
	info procfs.Meminfo
	load procfs.Loadavg

	diskRead, diskWritten uint64 // bytes, over whole disks
	netRecv, netSent      uint64 // bytes, over interfaces that have a device
}

// sample reads the machine.
func (in *input) sample(now time.Time) (s sample, err error) {
	s.at = now
	read := func(path string, parse func([]byte) error) {
		if err != nil {
			return
		}
		var data []byte
		if data, err = in.file.Read(path); err == nil {
			err = parse(data)
		}
	}
	fs := in.env.FS
	read(fs.Proc("stat"), s.stat.Parse)
	read(fs.Proc("meminfo"), s.info.Parse)
	read(fs.Proc("loadavg"), func(data []byte) (err error) { s.load, err = procfs.ParseLoadavg(data); return err })
	var disks []procfs.DiskStat
	read(fs.Proc("diskstats"), func(data []byte) error { disks = procfs.ParseDiskstats(data, nil); return nil })
	var devs []procfs.NetDev
	read(procfs.NetFile(fs, "dev"), func(data []byte) (err error) { devs, err = procfs.ParseNetDev(data, nil); return err })
	for _, d := range disks {
		if in.wholeDisk(d.Name) {
			s.diskRead += d.ReadSectors * procfs.SectorSize
			s.diskWritten += d.WriteSectors * procfs.SectorSize
		}
	}
	for _, d := range devs {
		if !in.virtual(d.Name) {
			s.netRecv += d.RxBytes
			s.netSent += d.TxBytes
		}
	}
	return s, err
}

// wholeDisk leaves out partitions, and what lies on other disks (dm, md,
// loop): they would count twice.
func (in *input) wholeDisk(name string) bool {
	dir := in.env.FS.Sys("class", "block", strings.ReplaceAll(name, "/", "!"))
	target, err := os.Readlink(dir)
	if err != nil || strings.Contains(target, "/devices/virtual/") {
		return false
	}
	_, err = os.Stat(dir + "/partition")
	return err != nil
}

func (in *input) virtual(name string) bool {
	target, err := os.Readlink(in.env.FS.Sys("class", "net", name))
	return err == nil && strings.Contains(target, "/devices/virtual/")
}

// rates makes the fields that compare with the reading before. A device that
// came or went, or a counter that was reset, may make a sum go back: then
// there is no rate this time.
func (s *sample) rates(before *sample) (fields []point.Field) {
	if before.at.IsZero() {
		return nil
	}
	elapsed := s.at.Sub(before.at)
	for _, r := range []struct {
		key           string
		before, after uint64
	}{
		{"diskio_read_bytes_per_sec", before.diskRead, s.diskRead}, {"diskio_write_bytes_per_sec", before.diskWritten, s.diskWritten},
		{"net_recv_bytes_per_sec", before.netRecv, s.netRecv}, {"net_send_bytes_per_sec", before.netSent, s.netSent},
	} {
		if rate, ok := inputs.Rate(r.before, r.after, elapsed); ok {
			fields = append(fields, float(r.key, rate))
		}
	}
	was, is := &before.stat.CPUs[0], &s.stat.CPUs[0]
	if total := is.Total() - was.Total(); is.Total() > was.Total() {
		idle := is.Ticks[procfs.Idle] - min(is.Ticks[procfs.Idle], was.Ticks[procfs.Idle])
		fields = append(fields, float("cpu_usage", procfs.Percent(total-min(idle, total), total)))
	}
	return fields
}
