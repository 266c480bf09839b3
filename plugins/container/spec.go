package container

import (
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// Measurement is the name of the metrics and objects. It is that of DataKit,
// for all runtimes.
const Measurement = "docker_containers"

func tagSpecs(object bool) []point.TagSpec {
	all := []point.TagSpec{
		{Key: "container_id", Help: "id of the container"},
		{Key: "container_name", Help: "name; in Kubernetes that of the pod's specification"},
		{Key: "container_runtime", Help: "docker, podman, containerd or cri-o", Optional: true},
		{Key: "container_runtime_name", Help: "name the runtime gave the container"},
		{Key: "container_runtime_version", Help: "version of the runtime", Optional: true},
		{Key: "container_type", Help: "kubernetes or standalone"},
		{Key: "image", Help: "full name of the image", Optional: true},
		{Key: "image_name", Help: "without its tag", Optional: true},
		{Key: "image_short_name", Help: "last part of the name", Optional: true},
		{Key: "image_tag", Help: "tag; latest when none is given", Optional: true},
		{Key: "state", Help: "running or paused"},
		{Key: "pod_name", Help: "pod of the container", Optional: true},
		{Key: "pod_uid", Help: "its id", Optional: true},
		{Key: "namespace", Help: "namespace of the pod", Optional: true},
	}
	if object {
		all = append(all, point.TagSpec{Key: "name", Help: "id of the container"}, point.TagSpec{Key: "status", Help: "the state"})
	}
	return all
}

func fieldSpecs(object bool) []point.FieldSpec {
	const i, f = point.KindInt, point.KindFloat
	all := []point.FieldSpec{
		{Key: "cpu_usage", Unit: "percent", Kind: f, Optional: true, Help: "CPU time since the last gather, 100 for each core in full use"},
		{Key: "cpu_usage_base100", Unit: "percent", Kind: f, Optional: true, Help: "the same as a share of all cores of the host"},
		{Key: "cpu_usage_millicores", Unit: "millicores", Kind: i, Optional: true, Help: "the same in thousandths of a core"},
		{Key: "cpu_usage_base_limit", Unit: "percent", Kind: f, Optional: true, Help: "the same as a share of the limit, if there is one"},
		{Key: "cpu_numbers", Unit: "count", Kind: i, Help: "cores of the host"},
		{Key: "cpu_limit_millicores", Unit: "millicores", Kind: i, Optional: true, Help: "limit, if there is one"},
		{Key: "mem_usage", Unit: "B", Kind: i, Optional: true, Help: "memory in use, without inactive page cache"},
		{Key: "mem_capacity", Unit: "B", Kind: i, Optional: true, Help: "memory of the host"},
		{Key: "mem_limit", Unit: "B", Kind: i, Optional: true, Help: "limit, if there is one"},
		{Key: "mem_used_percent", Unit: "percent", Kind: f, Optional: true, Help: "use as a share of the host's memory"},
		{Key: "mem_used_percent_base_limit", Unit: "percent", Kind: f, Optional: true, Help: "use as a share of the limit, if there is one"},
		{Key: "oom_kills", Unit: "count", Kind: i, Optional: true, Help: "processes that the kernel killed for want of memory, since the container was started; since Linux 4.13"},
		{Key: "network_bytes_rcvd", Unit: "B", Kind: i, Optional: true, Help: "received by all interfaces but lo; not for a container in the host's network"},
		{Key: "network_bytes_sent", Unit: "B", Kind: i, Optional: true, Help: "sent, likewise"},
		{Key: "block_read_byte", Unit: "B", Kind: i, Optional: true, Help: "read from block devices"},
		{Key: "block_write_byte", Unit: "B", Kind: i, Optional: true, Help: "written to block devices"},
	}
	if object {
		all = append(all,
			point.FieldSpec{Key: "age", Unit: "s", Kind: i, Help: "since the container was created"},
			point.FieldSpec{Key: "message", Kind: point.KindString, Help: "all of this, and the labels, as JSON"})
	}
	return all
}

// Spec describes what the plugin emits.
func Spec() []point.Measurement {
	return []point.Measurement{
		{Name: Measurement, Category: plugins.Metric, Help: "Running containers.", Tags: tagSpecs(false), Fields: fieldSpecs(false)},
		{Name: Measurement, Category: plugins.Object, Help: "Running containers, as objects.", Tags: tagSpecs(true), Fields: fieldSpecs(true)},
		logSpec(),
		eventSpec(),
	}
}

func logSpec() point.Measurement {
	m := point.Measurement{
		Name: "container_log", Category: plugins.Logging,
		Help: "What containers write to stdout and stderr. The name of the measurement is the source: that of the label or annotation datakit/logs, or the name of the container.",
		Fields: []point.FieldSpec{
			{Key: "message", Kind: point.KindString, Help: "one line, or several that belong together"},
			{Key: "status", Kind: point.KindString, Help: "info"},
			{Key: "log_read_offset", Unit: "B", Kind: point.KindInt, Help: "where the line begins in its file"},
			{Key: "log_file_inode", Kind: point.KindInt, Help: "inode number of the file"},
		},
	}
	for _, t := range tagSpecs(false) {
		if t.Key != "state" && t.Key != "container_runtime_version" {
			m.Tags = append(m.Tags, t)
		}
	}
	m.Tags = append(m.Tags, point.TagSpec{Key: "stream", Help: "stdout or stderr"},
		point.TagSpec{Key: "service", Help: "as the label or annotation says, otherwise the source"})
	return m
}
