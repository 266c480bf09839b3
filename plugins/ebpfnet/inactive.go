package ebpfnet

import (
	"fmt"
	"slices"

	"datakit.dev/agent/plugins"
)

// checkProtocols refuses names that mean nothing.
func checkProtocols(c *plugins.EBPF) error {
	for _, name := range c.L4NetEnabled {
		if name != "tcp" && name != "udp" {
			return fmt.Errorf("l4net_enabled: %q: want \"tcp\" or \"udp\"", name)
		}
	}
	known := []string{"httpflow", "httpflow-tls", "dnsflow"}
	for _, name := range slices.Concat(c.L7NetEnabled, c.L7NetDisabled) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("l7net_enabled, l7net_disabled: %q: want one of %q", name, known)
		}
	}
	return nil
}

// inactive lists what the configuration asks for and this version does not
// do yet.
func inactive(c *plugins.EBPF) (names []string) {
	if wants(c.L4NetEnabled, "udp") {
		names = append(names, "udp")
	}
	for _, name := range []string{"httpflow", "httpflow-tls"} {
		if wants(c.L7NetEnabled, name) {
			names = append(names, name)
		}
	}
	if !wants(c.L7NetDisabled, "dnsflow") {
		names = append(names, "dnsflow")
	}
	return names
}

func wants(list []string, name string) bool { return slices.Contains(list, name) }
