// Package diskio measures the requests to block devices.
package diskio

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// Name is the name of the input, as in [[inputs.diskio]].
const Name = "diskio"

// Config is [[inputs.diskio]].
type Config struct {
	Interval      time.Duration `toml:"interval" help:"Between two measurements."`
	Devices       []string      `toml:"devices" example:"[\"^sd\\\\w*\", \"^nvme\\\\d\"]" help:"Regular expressions of devices. Empty: all."`
	SkipSerial    bool          `toml:"skip_serial_number" help:"Leave out the tag serial."`
	DeviceTags    []string      `toml:"device_tags" example:"[\"ID_FS_TYPE\", \"ID_FS_USAGE\"]" help:"Properties of udev to add as tags; udevadm info --query=property shows them."`
	NameTemplates []string      `toml:"name_templates" example:"[\"$ID_FS_LABEL\", \"$DM_VG_NAME/$DM_LV_NAME\"]" help:"What to use for the tag name instead of the device: the first of these whose\nproperties of udev all exist."`
	inputs.Lists
	Tags map[string]string `toml:"tags" example:"some_tag = \"some_value\"" help:"Added to every point."`
}

func defaults() *Config {
	return &Config{Interval: 10 * time.Second, Devices: []string{}, DeviceTags: []string{}, NameTemplates: []string{}}
}

// GatherInterval implements [inputs.Interval].
func (c *Config) GatherInterval() time.Duration { return c.Interval }

// Validate checks what the types alone do not say.
func (c *Config) Validate() error {
	_, err := inputs.CompilePatterns("devices", c.Devices)
	errs := []error{inputs.CheckInterval("interval", c.Interval, time.Second), err}
	for _, t := range c.NameTemplates {
		if !strings.Contains(t, "$") {
			errs = append(errs, fmt.Errorf("name_templates: %q names no property; write $NAME", t))
		}
	}
	return errors.Join(errs...)
}

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true, Rates: true,
		Help:   "Requests to block devices, from /proc/diskstats.",
		Spec:   spec(),
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return newInput(cfg.(*Config), env) },
	}
}

// input remembers the counters of the gathering before, for the rates.
type input struct {
	cfg     *Config
	env     inputs.Env
	devices inputs.Patterns
	file    procfs.Reader
	disks   []procfs.DiskStat
	old     map[string]procfs.DiskStat
	tags    deviceTags
	at      time.Time
}

func newInput(cfg *Config, env inputs.Env) (*input, error) {
	devices, err := inputs.CompilePatterns("devices", cfg.Devices)
	return &input{cfg: cfg, env: env, devices: devices, tags: newDeviceTags(cfg, env.FS)}, err
}

// Gather implements [inputs.Input].
func (in *input) Gather(ctx context.Context, out point.Sink) error {
	data, err := in.file.Read(in.env.FS.Proc("diskstats"))
	if err != nil {
		return err
	}
	in.disks = procfs.ParseDiskstats(data, in.disks[:0])
	now := in.env.Now()
	elapsed := now.Sub(in.at)
	in.at = now
	old := in.old
	in.old = make(map[string]procfs.DiskStat, len(in.disks))
	in.tags.begin()
	var points []point.Point
	for i := range in.disks {
		d := &in.disks[i]
		if !in.devices.Match(d.Name) {
			continue
		}
		in.old[d.Name] = *d
		before, known := old[d.Name]
		since := elapsed
		if !known || before.Major != d.Major || before.Minor != d.Minor {
			since = 0 // a new device, perhaps of an old name
		}
		points = append(points, in.point(&before, d, since, now))
	}
	in.tags.end()
	if len(points) == 0 {
		return inputs.ErrNoData
	}
	return out.Feed(ctx, point.Metric, points)
}

func (in *input) point(before, after *procfs.DiskStat, elapsed time.Duration, now time.Time) point.Point {
	return point.Point{
		Measurement: Name, Tags: inputs.ExtraTags(in.cfg.Tags, in.tags.of(after)...),
		Fields: counters.Fields(before, after, elapsed), Time: now.UnixNano(),
	}
}
