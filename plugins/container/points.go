package container

import (
	"encoding/json"
	"time"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container/runtimes"
)

// tags are those of metric and object.
func tags(c runtimes.Container) []plugins.Tag {
	image, short, tag := runtimes.ImageParts(c.Image)
	return []plugins.Tag{
		{Key: "container_id", Value: c.ID},
		{Key: "container_name", Value: c.Name},
		{Key: "container_runtime", Value: c.Runtime},
		{Key: "container_runtime_name", Value: c.RuntimeName},
		{Key: "container_runtime_version", Value: c.Version},
		{Key: "container_type", Value: c.Type},
		{Key: "image", Value: c.Image},
		{Key: "image_name", Value: image},
		{Key: "image_short_name", Value: short},
		{Key: "image_tag", Value: tag},
		{Key: "state", Value: c.State},
		{Key: "pod_name", Value: c.PodName},
		{Key: "pod_uid", Value: c.PodUID},
		{Key: "namespace", Value: c.PodNamespace},
	}
}

func metricPoint(c runtimes.Container, fields []plugins.Field, at time.Time) plugins.Point {
	return plugins.Point{Measurement: Measurement, Tags: tags(c), Fields: fields, Time: at.UnixNano()}
}

func objectPoint(c runtimes.Container, fields []plugins.Field, at time.Time) plugins.Point {
	p := plugins.Point{
		Measurement: Measurement, Time: at.UnixNano(),
		Tags: append(tags(c), plugins.Tag{Key: "name", Value: c.ID}, plugins.Tag{Key: "status", Value: c.State}),
	}
	p.Fields = append(p.Fields, fields...)
	if age := at.Sub(c.Created); !c.Created.IsZero() && age >= 0 {
		p.Fields = append(p.Fields, plugins.Field{Key: "age", Value: plugins.Int(int64(age.Seconds()))})
	}
	p.Fields = append(p.Fields, plugins.Field{Key: "message", Value: plugins.String(message(p, labels(c)))})
	return p
}

// message is the object as JSON, which the platform's full-text search reads.
func message(p plugins.Point, labels map[string]string) string {
	all := map[string]any{"labels": labels}
	for _, t := range p.Tags {
		all[t.Key] = t.Value
	}
	for _, f := range p.Fields {
		all[f.Key] = plain(f.Value)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "{}" // strings, numbers and a map of strings: cannot happen
	}
	return string(text)
}

// plain is the value of a field for JSON.
func plain(v plugins.Value) any {
	if v.Kind() == point.KindFloat {
		return v.AsFloat()
	}
	return v.AsInt()
}
