package hostobject

import "datakit.dev/agent/internal/point"

func spec() []point.Measurement {
	field := func(key, unit, help string, kind point.Kind, optional bool) point.FieldSpec {
		return point.FieldSpec{Key: key, Unit: unit, Kind: kind, Help: help, Optional: optional}
	}
	const rate = " since the object before; absent from the first and after a reset."
	return []point.Measurement{{
		Name: Class, Category: point.Object, Help: "This machine. The tags of [inputs.hostobject.tags] are added.",
		Tags: []point.TagSpec{
			{Key: "name", Help: "Name of the host."},
			{Key: "host", Help: "Name of the host."},
			{Key: "os", Help: "Operating system, \"linux\"."},
			{Key: "arch", Help: "Architecture, \"amd64\" or \"arm64\"."},
			{Key: "unicast_ip", Help: "First IPv4 address that is neither loopback nor link-local.", Optional: true},
			{Key: "cloud_provider", Help: "aliyun, aws, azure, hwcloud, tencent or volcengine, by the firmware of the machine.", Optional: true},
			{Key: "instance_id", Help: "Of the cloud; with disable_cloud_provider_sync = false.", Optional: true},
			{Key: "instance_type", Help: "Of the cloud; with disable_cloud_provider_sync = false.", Optional: true},
			{Key: "region", Help: "Of the cloud; with disable_cloud_provider_sync = false.", Optional: true},
			{Key: "zone_id", Help: "Of the cloud; with disable_cloud_provider_sync = false.", Optional: true},
		},
		Fields: []point.FieldSpec{
			field("message", "", "JSON: host (meta, cpu, mem, net, disk, conntrack, filefd), collectors, config_file.", point.KindString, false),
			field("start_time", "ms", "When the machine was booted, since the Unix epoch.", point.KindInt, false),
			field("datakit_ver", "", "Version of the agent.", point.KindString, true),
			field("logging_level", "", "Log level of the agent.", point.KindString, true),
			field("cpu_usage", "percent", "CPU time that was not idle"+rate, point.KindFloat, true),
			field("mem_used_percent", "percent", "Memory that is not available.", point.KindFloat, false),
			field("load", "count", "Mean number of tasks that run or wait, over 5 minutes.", point.KindFloat, false),
			field("disk_total", "B", "Sum over all file systems.", point.KindInt, false),
			field("disk_used_percent", "percent", "Over all file systems, as df computes it.", point.KindFloat, false),
			field("diskio_read_bytes_per_sec", "B/s", "Over whole disks"+rate, point.KindFloat, true),
			field("diskio_write_bytes_per_sec", "B/s", "Over whole disks"+rate, point.KindFloat, true),
			field("net_recv_bytes_per_sec", "B/s", "Over interfaces that have a device"+rate, point.KindFloat, true),
			field("net_send_bytes_per_sec", "B/s", "Over interfaces that have a device"+rate, point.KindFloat, true),
			field("num_cpu", "count", "CPUs that are online.", point.KindInt, false),
			field("is_docker", "", "1 when the agent runs in a container.", point.KindInt, false),
		},
	}}
}
