// Package net measures the traffic of network interfaces and the counters of
// TCP and UDP.
package net

import (
	"context"
	"errors"
	"strconv"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// Name is the name of the input, as in [[inputs.net]].
const Name = "net"

// Config is [[inputs.net]].
type Config struct {
	Interval        time.Duration `toml:"interval" help:"Between two measurements."`
	Interfaces      []string      `toml:"interfaces" example:"[\"^eth[\\\\w-]+\", \"^lo$\"]" help:"Regular expressions of interfaces. Empty: all that are up."`
	Virtual         bool          `toml:"enable_virtual_interfaces" help:"Also interfaces without a device: lo, bridges, tunnels, the ends of containers."`
	IgnoreProtocols bool          `toml:"ignore_protocol_stats" help:"Leave out the counters of TCP and UDP."`
	inputs.Lists
	Tags map[string]string `toml:"tags" example:"some_tag = \"some_value\"" help:"Added to every point."`
}

// GatherInterval implements [inputs.Interval].
func (c *Config) GatherInterval() time.Duration { return c.Interval }

// Validate checks what the types alone do not say.
func (c *Config) Validate() error {
	_, err := inputs.CompilePatterns("interfaces", c.Interfaces)
	return errors.Join(inputs.CheckInterval("interval", c.Interval, time.Second), err)
}

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true, Rates: true,
		Help:   "Traffic of the network interfaces, from /proc/net/dev, and counters of TCP and UDP, from\n/proc/net/snmp.",
		Spec:   spec(),
		Config: func() any { return &Config{Interval: 10 * time.Second, Interfaces: []string{}} },
		New:    func(cfg any, env inputs.Env) (any, error) { return newInput(cfg.(*Config), env) },
	}
}

// input remembers the counters of the gathering before, for the rates.
type input struct {
	cfg      *Config
	env      inputs.Env
	names    inputs.Patterns // of interfaces
	file     procfs.Reader
	devs     []procfs.NetDev
	old      map[string]procfs.NetDev
	oldProto map[string]int64
	at       time.Time
}

func newInput(cfg *Config, env inputs.Env) (*input, error) {
	names, err := inputs.CompilePatterns("interfaces", cfg.Interfaces)
	return &input{cfg: cfg, env: env, names: names}, err
}

// Gather implements [inputs.Input].
func (in *input) Gather(ctx context.Context, out point.Sink) error {
	now := in.env.Now()
	var elapsed time.Duration // 0: there is nothing to compare with
	if !in.at.IsZero() {
		elapsed = now.Sub(in.at)
	}
	in.at = now
	points, err := in.interfaces(elapsed)
	var protoErr error
	if !in.cfg.IgnoreProtocols {
		var p point.Point
		if p, protoErr = in.protocols(elapsed); protoErr == nil {
			points = append(points, p)
		}
	}
	for i := range points {
		points[i].Measurement, points[i].Time = Name, now.UnixNano()
		points[i].Tags = inputs.ExtraTags(in.cfg.Tags, points[i].Tags...)
	}
	var fed error
	if len(points) > 0 {
		fed = out.Feed(ctx, point.Metric, points)
	}
	return errors.Join(err, protoErr, fed)
}

// interfaces makes the points of the interfaces.
func (in *input) interfaces(elapsed time.Duration) ([]point.Point, error) {
	data, err := in.file.Read(procfs.NetFile(in.env.FS, "dev"))
	if err != nil {
		return nil, err
	}
	if in.devs, err = procfs.ParseNetDev(data, in.devs[:0]); err != nil {
		return nil, err
	}
	old := in.old
	in.old = make(map[string]procfs.NetDev, len(in.devs))
	var points []point.Point
	for i := range in.devs {
		d := &in.devs[i]
		in.old[d.Name] = *d
		if !in.wanted(d.Name) {
			continue
		}
		before, known := old[d.Name]
		since := elapsed
		if !known {
			since = 0
		}
		points = append(points, point.Point{
			Tags: []point.Tag{{Key: "interface", Value: d.Name}}, Fields: counters.Fields(&before, d, since),
		})
	}
	return points, nil
}

// wanted applies the options to one interface.
func (in *input) wanted(name string) bool {
	if !in.names.Match(name) || len(in.names) == 0 && !in.up(name) {
		return false
	}
	return in.cfg.Virtual || !virtual(in.env.FS, name)
}

// up reports whether an interface is switched on; true when /sys does not
// show it, as where it is that of another network namespace.
func (in *input) up(name string) bool {
	data, err := in.file.Read(in.env.FS.Sys("class", "net", name, "flags"))
	if err != nil {
		return true
	}
	word, _ := procfs.Word(data)
	flags, err := strconv.ParseUint(string(word), 0, 32)
	return err != nil || flags&1 != 0 // IFF_UP, see netdevice(7)
}
