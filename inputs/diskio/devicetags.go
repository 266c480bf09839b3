package diskio

import (
	"fmt"
	"os"
	"strings"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// deviceTags makes the tags of devices. What udev and /sys say is read once
// per device and forgotten when the device is gone; udev has the last word a
// moment after a device appears, so a device is looked at twice.
type deviceTags struct {
	cfg   *Config
	fs    hostfs.Root
	known map[deviceKey]*deviceInfo
}

type deviceKey struct {
	major, minor uint64
	name         string
}

type deviceInfo struct {
	tags  []point.Tag
	looks int
	seen  bool
}

func newDeviceTags(cfg *Config, fs hostfs.Root) deviceTags {
	return deviceTags{cfg: cfg, fs: fs, known: map[deviceKey]*deviceInfo{}}
}

// begin and end enclose a gathering.
func (t *deviceTags) begin() {
	for _, info := range t.known {
		info.seen = false
	}
}

func (t *deviceTags) end() {
	for key, info := range t.known {
		if !info.seen {
			delete(t.known, key)
		}
	}
}

// of returns the tags of a device.
func (t *deviceTags) of(d *procfs.DiskStat) []point.Tag {
	key := deviceKey{d.Major, d.Minor, d.Name}
	info := t.known[key]
	if info == nil {
		info = &deviceInfo{}
		t.known[key] = info
	}
	info.seen = true
	if info.looks < 2 {
		info.looks++
		info.tags = t.read(d)
	}
	return info.tags
}

func (t *deviceTags) read(d *procfs.DiskStat) []point.Tag {
	var properties map[string]string
	if data, err := os.ReadFile(t.fs.Path("run", "udev", "data", fmt.Sprintf("b%d:%d", d.Major, d.Minor))); err == nil {
		properties = parseUdev(string(data))
	}
	tags := []point.Tag{{Key: "name", Value: t.name(d.Name, properties)}}
	if !t.cfg.SkipSerial {
		tags = append(tags, point.Tag{Key: "serial", Value: t.serial(d.Name, properties)})
	}
	for _, p := range t.cfg.DeviceTags {
		if v := properties[p]; v != "" && p != "name" && p != "serial" {
			tags = append(tags, point.Tag{Key: p, Value: v})
		}
	}
	return tags
}

// name applies the first template of which all properties exist.
func (t *deviceTags) name(device string, properties map[string]string) string {
	for _, template := range t.cfg.NameTemplates {
		complete := true
		name := os.Expand(template, func(property string) string {
			v := properties[property]
			complete = complete && v != ""
			return v
		})
		if complete {
			return name
		}
	}
	return device
}

// serial asks udev, then the drivers that show a serial number in /sys:
// virtio-blk on the disk, NVMe and others on the device below it. A partition
// has that of its disk.
func (t *deviceTags) serial(device string, properties map[string]string) string {
	for _, p := range []string{"ID_SERIAL_SHORT", "ID_SERIAL"} {
		if v := properties[p]; v != "" {
			return v
		}
	}
	// /sys has an exclamation mark where the name has a slash (cciss/c0d0).
	dir := t.fs.Sys("class", "block", strings.ReplaceAll(device, "/", "!"))
	dirs := []string{dir}
	if target, err := os.Readlink(dir); err == nil {
		if _, err := os.Stat(dir + "/partition"); err == nil {
			parts := strings.Split(target, "/")
			if n := len(parts); n >= 2 {
				dirs = append(dirs, t.fs.Sys("class", "block", parts[n-2]))
			}
		}
	}
	for _, dir := range dirs {
		for _, name := range []string{"/serial", "/device/serial"} {
			data, err := os.ReadFile(dir + name)
			if text := strings.TrimSpace(string(data)); err == nil && text != "" {
				return text
			}
		}
	}
	return "unknown"
}

// parseUdev reads an entry of udev's database: lines "E:NAME=value", among
// others.
func parseUdev(text string) map[string]string {
	properties := map[string]string{}
	for line := range strings.Lines(text) {
		if property, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "E:"); ok {
			if name, value, ok := strings.Cut(property, "="); ok {
				properties[name] = value
			}
		}
	}
	return properties
}
