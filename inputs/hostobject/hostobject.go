// Package hostobject describes the machine as one object: what it is, what it
// has, and how it does in a few numbers.
package hostobject

import (
	"context"
	"encoding/json"
	"errors"
	"net"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/mounts"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// Name is the name of the input, as in [[inputs.hostobject]].
const Name = "hostobject"

// Class is the name of the objects.
const Class = "HOST"

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true, Rates: true,
		Help:   "The machine as an object: system, CPUs, memory, disks, interfaces, collectors of the agent.",
		Spec:   spec(),
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return newInput(cfg.(*Config), env) },
	}
}

type input struct {
	cfg    *Config
	env    inputs.Env
	filter *mounts.Filter
	prober *mounts.Prober
	nics   func() ([]nic, error) // of this network namespace
	file   procfs.Reader
	before sample
	cloud  cloud
}

func newInput(cfg *Config, env inputs.Env) (*input, error) {
	filter, err := cfg.filter()
	return &input{cfg: cfg, env: env, filter: filter, prober: mounts.NewProber(cfg.Timeout, mounts.Statfs), nics: systemNICs}, err
}

// Gather implements [inputs.Input]. What cannot be found out is missing from
// the object and reported.
func (in *input) Gather(ctx context.Context, out point.Sink) error {
	now := in.env.Now()
	after, err := in.sample(now)
	if err != nil {
		return err
	}
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	disks, used := in.disks(ctx, note)
	cloudTags, err := in.cloud.tagsAt(ctx, in.cfg, in.env.FS, now)
	note(err)
	nics, err := in.nics()
	note(err)
	m := in.message(&after, disks, nics, note)
	encoded, err := json.Marshal(m)
	if err != nil {
		return err
	}
	fields := []point.Field{
		text("message", string(encoded)), integer("start_time", after.stat.BootTime*1000),
		float("mem_used_percent", procfs.Percent(after.info.Used(), after.info.Total())), float("load", after.load.Five),
		integer("num_cpu", uint64(after.stat.Online())), integer("is_docker", in.container()),
		integer("disk_total", used.Total), float("disk_used_percent", used.UsedPercent()),
	}
	fields = append(fields, after.rates(&in.before)...)
	if in.env.Agent != nil {
		a := in.env.Agent()
		fields = append(fields, text("datakit_ver", a.Version), text("logging_level", a.LogLevel))
	}
	in.before = after
	note(out.Feed(ctx, point.Object, []point.Point{{
		Measurement: Class, Tags: in.tags(cloudTags, nics, m), Fields: fields, Time: now.UnixNano(),
	}}))
	return errors.Join(errs...)
}

func (in *input) tags(cloud map[string]string, nics []nic, m *message) []point.Tag {
	own := []point.Tag{
		{Key: "name", Value: in.env.Hostname}, {Key: "host", Value: in.env.Hostname},
		{Key: "os", Value: m.Host.Meta.OS}, {Key: "arch", Value: m.Host.Meta.Arch}, {Key: "unicast_ip", Value: unicast(nics)},
	}
	for _, key := range []string{"cloud_provider", "instance_id", "instance_type", "region", "zone_id"} {
		if v := cloud[key]; v != "" {
			own = append(own, point.Tag{Key: key, Value: v})
		}
	}
	return inputs.ExtraTags(in.cfg.Tags, own...)
}

// unicast picks the address that the global tag ip has too.
func unicast(nics []nic) string {
	var all []net.Addr
	for _, n := range nics {
		all = append(all, n.addresses...)
	}
	return config.HostIP(all)
}

// disks lists the file systems and adds them up.
func (in *input) disks(ctx context.Context, note func(error)) (all []disk, sum mounts.Usage) {
	list, err := mounts.Read(in.env.FS)
	if err != nil {
		note(err)
		return nil, sum
	}
	var nodev map[string]bool
	if in.cfg.OnlyPhysical {
		if nodev, err = mounts.NoDevice(in.env.FS); err != nil {
			note(err)
		}
	}
	kept := in.filter.Select(list, nodev)
	paths := make([]string, len(kept))
	for i, m := range kept {
		paths[i] = in.env.FS.Path(m.MountPoint)
	}
	counted := map[string]bool{} // without merge_on_device a file system may come twice
	for i, a := range in.prober.Probe(ctx, paths) {
		if errors.Is(a.Err, mounts.ErrNoAnswer) {
			note(a.Err)
		}
		if a.Err != nil || a.Total == 0 && in.cfg.IgnoreZero {
			continue
		}
		m := kept[i]
		all = append(all, disk{mounts.DeviceName(in.env.FS, m), a.Total, m.MountPoint, m.FSType})
		if !counted[m.Device] {
			counted[m.Device] = true
			sum.Total, sum.Used, sum.Free = sum.Total+a.Total, sum.Used+a.Used, sum.Free+a.Free
		}
	}
	return all, sum
}

func integer(key string, v uint64) point.Field {
	return point.Field{Key: key, Value: point.Int(int64(v))}
}

func float(key string, v float64) point.Field { return point.Field{Key: key, Value: point.Float(v)} }

func text(key, v string) point.Field { return point.Field{Key: key, Value: point.String(v)} }
