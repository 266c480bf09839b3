package hostobject

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"datakit.dev/agent/internal/procfs"
)

// message is the field message, as JSON. The keys are those DataKit uses.
type message struct {
	Host       host              `json:"host"`
	Collectors []collector       `json:"collectors"`
	Files      map[string]string `json:"config_file,omitempty"`
}

type host struct {
	Meta      meta       `json:"meta"`
	CPU       []cpu      `json:"cpu"`
	Mem       mem        `json:"mem"`
	Net       []nic      `json:"net"`
	Disk      []disk     `json:"disk"`
	Conntrack *conntrack `json:"conntrack,omitempty"`
	FileFD    fileFD     `json:"filefd"`
}

type meta struct {
	HostName       string `json:"host_name"`
	BootTime       uint64 `json:"boot_time"` // seconds since the Unix epoch
	OS             string `json:"os"`
	Platform       string `json:"platform"` // ID of os-release(5)
	PlatformFamily string `json:"platform_family"`
	PlatformVer    string `json:"platform_version"`
	Kernel         string `json:"kernel_release"`
	Arch           string `json:"arch"`
	Virtualization string `json:"virtualization,omitempty"` // maker and product of the firmware
}

type cpu struct {
	Vendor    string  `json:"vendor_id"`
	Model     string  `json:"module_name"`
	Cores     int     `json:"cores"` // logical CPUs
	MHz       float64 `json:"mhz"`
	CacheSize string  `json:"cache_size"`
}

type mem struct {
	Total uint64 `json:"memory_total"` // bytes
	Swap  uint64 `json:"swap_total"`
}

type disk struct {
	Device     string `json:"device"`
	Total      uint64 `json:"total"` // bytes
	MountPoint string `json:"mountpoint"`
	FSType     string `json:"fstype"`
}

type conntrack struct {
	Entries uint64 `json:"entries"`
	Limit   uint64 `json:"entries_limit"`
}

type fileFD struct {
	Allocated uint64  `json:"allocated"`
	Maximum   float64 `json:"maximum_mega"` // 10^6
}

type collector struct {
	Name        string `json:"name"`
	Count       int64  `json:"count"`
	LastTime    int64  `json:"last_time,omitempty"` // seconds since the Unix epoch
	LastErr     string `json:"last_err,omitempty"`
	LastErrTime int64  `json:"last_err_time,omitempty"`
}

// maxFile bounds what is sent of one file of config_path.
const maxFile = 32 << 10

// message puts the description together.
func (in *input) message(s *sample, disks []disk, nics []nic, note func(error)) *message {
	m := &message{Host: host{Meta: in.meta(s), Disk: disks, Net: []nic{}}, Collectors: []collector{}}
	if data, err := in.file.Read(in.env.FS.Proc("cpuinfo")); err == nil {
		m.Host.CPU = parseCPUInfo(string(data))
	} else {
		note(err)
	}
	swap, _ := s.info.Get("SwapTotal")
	m.Host.Mem = mem{s.info.Total(), swap}
	for _, n := range nics {
		if in.cfg.VirtualInterfaces || !in.virtual(n.Name) {
			m.Host.Net = append(m.Host.Net, n)
		}
	}
	netfilter := func(name string) (uint64, error) {
		return in.file.Number(in.env.FS.Proc("sys", "net", "netfilter", name))
	}
	if entries, err := netfilter("nf_conntrack_count"); err == nil {
		limit, err := netfilter("nf_conntrack_max")
		note(err)
		m.Host.Conntrack = &conntrack{entries, limit}
	}
	if data, err := in.file.Read(in.env.FS.Proc("sys", "fs", "file-nr")); err == nil {
		n, err := procfs.ParseFileNr(data)
		note(err)
		m.Host.FileFD = fileFD{n.Allocated, float64(n.Max) / 1e6}
	}
	m.Collectors = in.collectors()
	for _, path := range in.cfg.ConfigPath {
		text, err := readHead(in.env.FS.Path(path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		note(err)
		if m.Files == nil {
			m.Files = map[string]string{}
		}
		m.Files[path] = text
	}
	return m
}

func (in *input) collectors() []collector {
	all := []collector{}
	if in.env.Agent == nil {
		return all
	}
	unix := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	}
	for _, c := range in.env.Agent().Collectors {
		all = append(all, collector{c.Name, c.Gathers, unix(c.LastGather), c.LastError, unix(c.LastErrorAt)})
	}
	return all
}

func readHead(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(data), err
}
