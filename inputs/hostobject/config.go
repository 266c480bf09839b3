package hostobject

import (
	"errors"
	"fmt"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/mounts"
)

// Config is [[inputs.hostobject]].
type Config struct {
	Interval          time.Duration     `toml:"interval" help:"Between two descriptions."`
	Timeout           time.Duration     `toml:"timeout" help:"How long to wait for file systems that do not answer."`
	IgnoreFSTypes     string            `toml:"ignore_fstypes" help:"Regular expression of file system types to leave out."`
	IgnoreMountPoints string            `toml:"ignore_mountpoints" help:"Regular expression of mount points to leave out."`
	ExtraDevice       []string          `toml:"extra_device" example:"[\"server:/export\"]" help:"Devices to take even with only_physical_device."`
	ExcludeDevice     []string          `toml:"exclude_device" example:"[\"/dev/loop0\"]" help:"Devices to leave out."`
	OnlyPhysical      bool              `toml:"only_physical_device" help:"Leave out file systems that lie on no device."`
	Merge             bool              `toml:"merge_on_device" help:"One entry per file system. false: one per mount."`
	IgnoreZero        bool              `toml:"ignore_zero_bytes_disk" help:"Leave out file systems without any space."`
	UseNsenter        bool              `toml:"use_nsenter" help:"Of DataKit; has no effect. In a container, set HOST_PROC and HOST_ROOT."`
	VirtualInterfaces bool              `toml:"enable_net_virtual_interfaces" help:"List interfaces without a device too: bridges, tunnels, the ends of containers."`
	ConfigPath        []string          `toml:"config_path" example:"[\"/etc/os-release\"]" help:"Files whose content is sent along, up to 32 KiB of each."`
	DisableCloud      bool              `toml:"disable_cloud_provider_sync" help:"false: once a day, ask the metadata service of the cloud for region, zone and instance.\nOnly the cloud that the machine's firmware names, or tags.cloud_provider, is asked."`
	CloudTimeout      time.Duration     `toml:"cloud_timeout" help:"For all questions to the metadata service together."`
	IMDSv2            bool              `toml:"enable_cloud_aws_imds_v2" help:"Of DataKit; has no effect: version 2 is always used."`
	AWSIPv6           bool              `toml:"enable_cloud_aws_ipv6" help:"Ask the metadata service of AWS by IPv6."`
	CloudHostTags     bool              `toml:"enable_cloud_host_tags_as_global_host_tags" help:"Of DataKit; has no effect."`
	CloudElectionTags bool              `toml:"enable_cloud_host_tags_as_global_election_tags" help:"Of DataKit; has no effect."`
	CloudURLs         map[string]string `toml:"cloud_meta_url" example:"aws = \"http://169.254.169.254\"" help:"Where the metadata service of a cloud is: aliyun, aws, azure, hwcloud, tencent, volcengine.\nOnly link-local, loopback and private addresses are allowed."`
	inputs.Lists
	Tags map[string]string `toml:"tags" example:"cloud_provider = \"aws\"" help:"Added to the object. cloud_provider beats what the firmware says."`
}

func defaults() *Config {
	return &Config{
		Interval: 5 * time.Minute, Timeout: 2 * time.Second, CloudTimeout: 3 * time.Second,
		IgnoreFSTypes: mounts.DefaultIgnoreTypes, IgnoreMountPoints: mounts.DefaultIgnoreMountPoints,
		ExtraDevice: []string{}, ExcludeDevice: []string{}, ConfigPath: []string{},
		Merge: true, IgnoreZero: true, DisableCloud: true,
	}
}

// GatherInterval implements [inputs.Interval].
func (c *Config) GatherInterval() time.Duration { return c.Interval }

// Validate checks what the types alone do not say.
func (c *Config) Validate() error {
	_, err := c.filter()
	errs := []error{
		inputs.CheckInterval("interval", c.Interval, 10*time.Second),
		inputs.CheckInterval("timeout", c.Timeout, 10*time.Millisecond),
		inputs.CheckInterval("cloud_timeout", c.CloudTimeout, 10*time.Millisecond), err,
	}
	for name, url := range c.CloudURLs {
		if _, ok := providerNamed(name); !ok {
			errs = append(errs, fmt.Errorf("cloud_meta_url: unknown cloud %q", name))
		}
		if err := checkEndpoint(url); err != nil {
			errs = append(errs, fmt.Errorf("cloud_meta_url: %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) filter() (*mounts.Filter, error) {
	return mounts.NewFilter(mounts.Options{
		IgnoreTypes: c.IgnoreFSTypes, IgnoreMountPoints: c.IgnoreMountPoints,
		Extra: c.ExtraDevice, Exclude: c.ExcludeDevice, OnlyPhysical: c.OnlyPhysical, Merge: c.Merge,
	})
}
