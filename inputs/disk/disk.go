// Package disk measures how full the mounted file systems are.
package disk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/mounts"
	"datakit.dev/agent/internal/point"
)

// Name is the name of the input, as in [[inputs.disk]].
const Name = "disk"

// Config is [[inputs.disk]].
type Config struct {
	Interval          time.Duration `toml:"interval" help:"Between two measurements."`
	Timeout           time.Duration `toml:"timeout" help:"How long to wait for file systems that do not answer, such as a dead network mount.\nOnly these are missing then, and they are not asked again until they answer."`
	ExtraDevice       []string      `toml:"extra_device" example:"[\"server:/export\"]" help:"Devices to take even with only_physical_device."`
	ExcludeDevice     []string      `toml:"exclude_device" example:"[\"/dev/loop0\", \"/dev/loop1\"]" help:"Devices to leave out; case does not matter."`
	IgnoreFSTypes     string        `toml:"ignore_fstypes" help:"Regular expression of file system types to leave out."`
	IgnoreMountPoints string        `toml:"ignore_mountpoints" help:"Regular expression of mount points to leave out."`
	OnlyPhysical      bool          `toml:"only_physical_device" help:"Leave out file systems that lie on no device."`
	Merge             bool          `toml:"merge_on_device" help:"One point per file system, as df shows them: of several mounts of one file system that\nwith the shortest mount point. false: one per mount."`
	UseNsenter        bool          `toml:"use_nsenter" help:"Of DataKit; has no effect. In a container, set HOST_PROC and HOST_ROOT."`
	inputs.Lists
	Tags map[string]string `toml:"tags" example:"some_tag = \"some_value\"" help:"Added to every point."`
}

func defaults() *Config {
	return &Config{
		Interval: 10 * time.Second, Timeout: 2 * time.Second, ExtraDevice: []string{}, ExcludeDevice: []string{},
		IgnoreFSTypes: mounts.DefaultIgnoreTypes, IgnoreMountPoints: mounts.DefaultIgnoreMountPoints, Merge: true,
	}
}

// GatherInterval implements [inputs.Interval].
func (c *Config) GatherInterval() time.Duration { return c.Interval }

// Validate checks what the types alone do not say.
func (c *Config) Validate() error {
	_, err := c.filter()
	return errors.Join(
		inputs.CheckInterval("interval", c.Interval, time.Second),
		inputs.CheckInterval("timeout", c.Timeout, 10*time.Millisecond), err,
	)
}

func (c *Config) filter() (*mounts.Filter, error) {
	return mounts.NewFilter(mounts.Options{
		IgnoreTypes: c.IgnoreFSTypes, IgnoreMountPoints: c.IgnoreMountPoints,
		Extra: c.ExtraDevice, Exclude: c.ExcludeDevice, OnlyPhysical: c.OnlyPhysical, Merge: c.Merge,
	})
}

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true,
		Help:   "How full the mounted file systems are, as df shows it.",
		Spec:   spec(),
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return newInput(cfg.(*Config), env, mounts.Statfs) },
	}
}

type input struct {
	cfg    *Config
	env    inputs.Env
	filter *mounts.Filter
	prober *mounts.Prober
}

// newInput takes statfs, so that tests can make one that hangs.
func newInput(cfg *Config, env inputs.Env, statfs func(string) (mounts.Usage, error)) (*input, error) {
	filter, err := cfg.filter()
	return &input{cfg: cfg, env: env, filter: filter, prober: mounts.NewProber(cfg.Timeout, statfs)}, err
}

// Gather implements [inputs.Input]. A file system that does not answer is an
// error and does not keep the others from being reported.
func (in *input) Gather(ctx context.Context, out point.Sink) error {
	all, err := mounts.Read(in.env.FS)
	if err != nil {
		return err
	}
	var nodev map[string]bool
	if in.cfg.OnlyPhysical {
		if nodev, err = mounts.NoDevice(in.env.FS); err != nil {
			return err
		}
	}
	kept := in.filter.Select(all, nodev)
	paths := make([]string, len(kept))
	for i, m := range kept {
		paths[i] = in.env.FS.Path(m.MountPoint)
	}
	var points []point.Point
	var errs []error
	now := in.env.Now().UnixNano()
	for i, a := range in.prober.Probe(ctx, paths) {
		switch {
		case errors.Is(a.Err, unix.EACCES), errors.Is(a.Err, unix.ENOENT):
			// Not for this user, or unmounted meanwhile. df leaves it out too.
		case a.Err != nil:
			errs = append(errs, fmt.Errorf("statfs: %w", a.Err))
		case a.Total > 0: // others hold no data: cgroup, debugfs …
			m := kept[i]
			points = append(points, point.Point{
				Measurement: Name, Time: now, Fields: fields(a.Usage),
				Tags: inputs.ExtraTags(in.cfg.Tags, point.Tag{Key: "device", Value: mounts.DeviceName(in.env.FS, m)},
					point.Tag{Key: "fstype", Value: m.FSType}, point.Tag{Key: "mount_point", Value: m.MountPoint}),
			})
		}
	}
	if len(points) > 0 {
		errs = append(errs, out.Feed(ctx, point.Metric, points))
	}
	return errors.Join(errs...)
}
