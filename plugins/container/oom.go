package container

import (
	"time"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container/runtimes"
)

// EventMeasurement is the name of what happens to containers.
const EventMeasurement = "container_event"

// killed makes an event of every container in which the kernel killed a
// process for want of memory since the last discovery.
func killed(all []runtimes.Container) (events []plugins.Point) {
	for _, c := range all {
		if !c.OOM.IsZero() {
			events = append(events, oomPoint(c))
		}
	}
	return events
}

func oomPoint(c runtimes.Container) plugins.Point {
	title := "out of memory: the kernel killed a process of container " + c.Name
	message := "The container goes on."
	if !c.Running {
		message = "The container has ended."
	}
	return plugins.Point{
		Measurement: EventMeasurement, Time: c.OOM.UnixNano(),
		Tags: append(tags(c),
			plugins.Tag{Key: "df_source", Value: "datakit"}, plugins.Tag{Key: "df_status", Value: "error"}, plugins.Tag{Key: "event", Value: "container_oom"}),
		Fields: []plugins.Field{
			{Key: "df_title", Value: plugins.String(title)},
			{Key: "df_message", Value: plugins.String(message)},
			{Key: "age", Value: plugins.Int(int64(max(0, c.OOM.Sub(c.Created)) / time.Second))},
		},
	}
}

func eventSpec() point.Measurement {
	return point.Measurement{
		Name: EventMeasurement, Category: plugins.KeyEvent,
		Help: "The kernel killed a process of a container for want of memory, as the runtime tells: containerd every time, Docker, Podman and CRI-O when it was the first process of the container.",
		Tags: append(tagSpecs(false),
			point.TagSpec{Key: "df_source", Help: "always datakit"}, point.TagSpec{Key: "df_status", Help: "always error"}, point.TagSpec{Key: "event", Help: "container_oom"}),
		Fields: []point.FieldSpec{
			{Key: "df_title", Kind: point.KindString, Help: "what happened, in one line"},
			{Key: "df_message", Kind: point.KindString, Help: "whether the container goes on"},
			{Key: "age", Unit: "s", Kind: point.KindInt, Help: "how long after the container was created"},
		},
	}
}
