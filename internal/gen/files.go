package main

import (
	"path"

	allinputs "datakit.dev/agent/inputs/all"
	"datakit.dev/agent/internal/config"
	allplugins "datakit.dev/agent/plugins/all"
)

// files is everything that is generated, by path.
func files() map[string]string {
	all := map[string]string{
		path.Join("conf.d", config.MainFile+".sample"): config.MainSample(),
		"docs/reference.md":                            reference(allinputs.Factories(), allplugins.Factories()),
		"docs/filter.md":                               rules(),
	}
	for _, f := range allinputs.Factories() {
		all[path.Join("conf.d", f.Catalog, f.Name+".conf.sample")] = config.Sample(f.Name, f.Help, f.Config())
	}
	return all
}
