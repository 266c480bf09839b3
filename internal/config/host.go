package config

import (
	"maps"
	"net"
	"strings"
)

// Hostname returns the name of this host: ENV_HOSTNAME (of the environment,
// then of the file), in a container before the file's the name of the node,
// and else the name of the system.
func (m *Main) Hostname(container bool, env Lookup, system string) string {
	names := []string{"ENV_HOSTNAME"}
	if container {
		names = append(names, "ENV_K8S_CLUSTER_NODE_NAME", "ENV_K8S_NODE_NAME", "NODE_NAME")
	}
	for _, n := range names {
		if value, _ := env(n); value != "" {
			return value
		}
	}
	if m.Environments.Hostname != "" {
		return m.Environments.Hostname
	}
	return system
}

// HostTags returns the global tags with the placeholders replaced. The tag
// host is always there; a tag whose value turns out empty is not.
func (m *Main) HostTags(hostname, ip string, env Lookup) map[string]string {
	replace := strings.NewReplacer(
		"$datakit_hostname", hostname, "__datakit_hostname", hostname,
		"$datakit_ip", ip, "__datakit_ip", ip,
		"$datakit_id", hostname, "__datakit_id", hostname,
		"$datakit_uuid", hostname, "__datakit_uuid", hostname,
	)
	tags := map[string]string{"host": hostname}
	if cluster, _ := env("ENV_CLUSTER_NAME_K8S"); cluster != "" {
		tags["cluster_name_k8s"] = cluster
	}
	for key, value := range m.GlobalHostTags {
		tags[key] = replace.Replace(value)
	}
	if tags["host"] == "" {
		tags["host"] = hostname
	}
	maps.DeleteFunc(tags, func(_, value string) bool { return value == "" })
	return tags
}

// HostIP picks the address of this host for the tag ip: the first IPv4
// address that is neither loopback nor link-local, in the order of the
// interfaces; "" for none.
func HostIP(addresses []net.Addr) string {
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}
