package ebpfnet

import (
	"slices"

	"datakit.dev/agent/plugins"
)

func wants(list []string, name string) bool { return slices.Contains(list, name) }

// wantsHTTP: a list of what is enabled beats one of what is disabled, but for
// the default, which is not told from none.
func wantsHTTP(c *plugins.EBPF, name string) bool {
	return wants(c.L7NetEnabled, name) && !wants(c.L7NetDisabled, name)
}
