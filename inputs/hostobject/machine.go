package hostobject

import (
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// meta describes the system.
func (in *input) meta(s *sample) meta {
	m := meta{HostName: in.env.Hostname, BootTime: s.stat.BootTime, OS: runtime.GOOS, Arch: runtime.GOARCH}
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		if data, err := os.ReadFile(in.env.FS.Resolve(name)); err == nil {
			release := parseOSRelease(string(data))
			m.Platform, m.PlatformVer, m.PlatformFamily = release["ID"], release["VERSION_ID"], release["ID_LIKE"]
			if m.PlatformFamily == "" {
				m.PlatformFamily = m.Platform
			}
			break
		}
	}
	if data, err := in.file.Read(in.env.FS.Proc("sys", "kernel", "osrelease")); err == nil {
		m.Kernel = strings.TrimSpace(string(data))
	}
	var made []string
	for _, name := range []string{"sys_vendor", "product_name"} {
		if data, err := in.file.Read(in.env.FS.Sys("class", "dmi", "id", name)); err == nil {
			made = append(made, strings.TrimSpace(string(data)))
		}
	}
	m.Virtualization = strings.Join(made, " ")
	return m
}

// container tells whether the agent runs in a container: it is told to look
// elsewhere for its host, or a runtime left its mark.
func (in *input) container() uint64 {
	if root := in.env.FS.RootDir; root != "" && root != "/" {
		return 1
	}
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return 1
		}
	}
	return 0
}

// parseOSRelease reads os-release(5): shell assignments.
func parseOSRelease(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			values[name] = strings.Trim(value, `"'`)
		}
	}
	return values
}

// parseCPUInfo reads the content of /proc/cpuinfo, whose keys depend on the
// architecture. CPUs of one model are one entry.
func parseCPUInfo(text string) (all []cpu) {
	index := map[string]int{}
	for block := range strings.SplitSeq(text, "\n\n") {
		values := map[string]string{}
		for line := range strings.Lines(block) {
			if key, value, ok := strings.Cut(line, ":"); ok {
				values[strings.TrimSpace(key)] = strings.TrimSpace(value)
			}
		}
		if _, ok := values["processor"]; !ok {
			continue
		}
		c := cpu{Vendor: values["vendor_id"], Model: values["model name"], CacheSize: values["cache size"]}
		if c.Vendor == "" { // arm64
			c.Vendor, c.Model = values["CPU implementer"], values["CPU part"]
		}
		c.MHz, _ = strconv.ParseFloat(values["cpu MHz"], 64)
		i, seen := index[c.Vendor+"\x00"+c.Model]
		if !seen {
			i = len(all)
			index[c.Vendor+"\x00"+c.Model] = i
			all = append(all, c)
		}
		all[i].Cores++
	}
	return all
}

// nic is one network interface.
type nic struct {
	Name  string   `json:"name"`
	MTU   int      `json:"mtu"`
	MAC   string   `json:"mac"`
	Flags []string `json:"flags"`
	IP4   string   `json:"ip4"`
	IP6   string   `json:"ip6"`
	IP4s  []string `json:"ip4_all"`
	IP6s  []string `json:"ip6_all"`

	addresses []net.Addr
}

// systemNICs lists the interfaces of this network namespace.
func systemNICs() ([]nic, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []nic
	for _, i := range interfaces {
		n := nic{Name: i.Name, MTU: i.MTU, MAC: i.HardwareAddr.String(), Flags: strings.Split(i.Flags.String(), "|"), IP4s: []string{}, IP6s: []string{}}
		if n.addresses, err = i.Addrs(); err != nil {
			continue // it went away
		}
		for _, a := range n.addresses {
			ip, _, err := net.ParseCIDR(a.String())
			switch {
			case err != nil:
			case ip.To4() != nil:
				n.IP4s = append(n.IP4s, a.String())
			default:
				n.IP6s = append(n.IP6s, a.String())
			}
		}
		n.IP4, n.IP6 = first(n.IP4s), first(n.IP6s)
		all = append(all, n)
	}
	return all, nil
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
