package container

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container/logs"
	"datakit.dev/agent/plugins/container/runtimes"
)

// optionsKey is the label, or annotation, with which a container says how its
// logs are to be collected.
const optionsKey = "datakit/logs"

// logOptions is its value: a list of which the first element is about the
// output of the container.
type logOptions struct {
	Disable   bool              `json:"disable"`
	Source    string            `json:"source"`
	Service   string            `json:"service"`
	Multiline string            `json:"multiline_match"`
	Tags      map[string]string `json:"tags"`
}

// sources are the logs to follow. Those of containers that do not run any more
// are read to their end: a container that crashed often said why.
func (p *plugin) sources(all []runtimes.Container) (list []logs.Source) {
	for _, c := range all {
		if c.LogPath == "" || !p.rules.want(c) {
			continue
		}
		options := p.options(c)
		if options.Disable {
			continue
		}
		src := logs.Source{
			ID: c.ID, Path: p.env.FS.Resolve(c.LogPath), Format: c.LogFormat, Ended: !c.Running,
			Measurement: options.Source, Tags: logTags(c, options),
		}
		if options.Multiline != "" {
			start, err := regexp.Compile(options.Multiline)
			if err != nil {
				p.env.Log.Debug("a label is not used", "container", c.ID, "label", optionsKey, "err", err)
			}
			src.Start = start
		}
		list = append(list, src)
	}
	return list
}

func (p *plugin) options(c runtimes.Container) logOptions {
	var all []logOptions
	if text := cmp.Or(c.Labels[optionsKey], c.Annotations[optionsKey]); text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			p.env.Log.Debug("a label is not used", "container", c.ID, "label", optionsKey, "err", err)
		}
	}
	o := logOptions{}
	if len(all) > 0 {
		o = all[0]
	}
	if o.Source == "" {
		o.Source = c.Name
	}
	if o.Service == "" {
		o.Service = o.Source
	}
	return o
}

// logTags are those of a container that do not change while it runs.
func logTags(c runtimes.Container, o logOptions) []plugins.Tag {
	all := slices.DeleteFunc(tags(c), func(t plugins.Tag) bool { return t.Key == "state" || t.Key == "container_runtime_version" })
	all = append(all, plugins.Tag{Key: "service", Value: o.Service})
	for k, v := range o.Tags {
		if !slices.ContainsFunc(all, func(t plugins.Tag) bool { return t.Key == k }) {
			all = append(all, plugins.Tag{Key: k, Value: v})
		}
	}
	return all
}
