package log

import "datakit.dev/agent/internal/point"

// Origin is where packets were seen: tags of every point.
type Origin struct {
	NIC         string // name of the interface
	MAC         string // its address
	Netns       string // "NS(<device id>:<inode number>)"
	HostNetwork bool   // the namespace is the host's
	Virtual     bool   // the interface is no hardware

	// Of the container whose namespace it is, "" when unknown.
	Namespace, Pod, Container string
}

// tags are those that do not depend on the connection.
func (o *Origin) tags() []point.Tag {
	all := []point.Tag{
		{Key: "host_network", Value: truth(o.HostNetwork)},
		{Key: "k8s_container_name", Value: o.Container},
		{Key: "k8s_namespace", Value: o.Namespace},
		{Key: "k8s_pod_name", Value: o.Pod},
		{Key: "netns", Value: o.Netns},
		{Key: "nic_mac", Value: o.MAC},
		{Key: "nic_name", Value: o.NIC},
		{Key: "virtual_nic", Value: truth(o.Virtual)},
	}
	kept := all[:0]
	for _, t := range all {
		if t.Value != "" {
			kept = append(kept, t)
		}
	}
	return kept
}

func truth(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
