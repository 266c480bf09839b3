package config

import (
	"net"
	"reflect"
	"testing"
)

func TestHostname(t *testing.T) {
	node := map[string]string{"ENV_K8S_NODE_NAME": "node", "NODE_NAME": "older"}
	for name, c := range map[string]struct {
		file      string
		container bool
		env       map[string]string
		want      string
	}{
		"system":                           {want: "sys"},
		"file":                             {file: "file", want: "file"},
		"environment beats file":           {file: "file", env: map[string]string{"ENV_HOSTNAME": "env"}, want: "env"},
		"node only in a container":         {env: node, want: "sys"},
		"node":                             {env: node, container: true, want: "node"},
		"cluster's name of the node":       {env: map[string]string{"ENV_K8S_NODE_NAME": "node", "ENV_K8S_CLUSTER_NODE_NAME": "c"}, container: true, want: "c"},
		"older name":                       {env: map[string]string{"NODE_NAME": "older"}, container: true, want: "older"},
		"ENV_HOSTNAME beats the node":      {env: map[string]string{"NODE_NAME": "n", "ENV_HOSTNAME": "env"}, container: true, want: "env"},
		"the node beats the file":          {file: "file", env: node, container: true, want: "node"},
		"an empty variable counts as none": {env: map[string]string{"ENV_HOSTNAME": ""}, want: "sys"},
	} {
		m := DefaultMain()
		m.Environments.Hostname = c.file
		if got := m.Hostname(c.container, environment(c.env), "sys"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestHostTags(t *testing.T) {
	for name, c := range map[string]struct{ tags, env, want map[string]string }{
		"defaults":     {DefaultMain().GlobalHostTags, nil, map[string]string{"host": "h", "ip": "10.0.0.1"}},
		"host forced":  {map[string]string{"a": "b"}, nil, map[string]string{"host": "h", "a": "b"}},
		"host not ''":  {map[string]string{"host": ""}, nil, map[string]string{"host": "h"}},
		"own host":     {map[string]string{"host": "x"}, nil, map[string]string{"host": "x"}},
		"placeholders": {map[string]string{"a": "<__datakit_hostname/$datakit_ip>"}, nil, map[string]string{"host": "h", "a": "<h/10.0.0.1>"}},
		"cluster":      {nil, map[string]string{"ENV_CLUSTER_NAME_K8S": "k"}, map[string]string{"host": "h", "cluster_name_k8s": "k"}},
	} {
		m := &Main{GlobalHostTags: c.tags}
		if got := m.HostTags("h", "10.0.0.1", environment(c.env)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := DefaultMain().HostTags("h", "", noEnv); !reflect.DeepEqual(got, map[string]string{"host": "h"}) {
		t.Errorf("a host without an address has no tag ip: %v", got)
	}
}

func TestHostIP(t *testing.T) {
	var all []net.Addr
	for _, cidr := range []string{"127.0.0.1/8", "::1/128", "169.254.3.4/16", "2001:db8::1/64", "192.0.2.7/24", "10.0.0.1/8"} {
		ip, n, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &net.IPNet{IP: ip, Mask: n.Mask})
	}
	if got := HostIP(all); got != "192.0.2.7" {
		t.Error(got)
	}
	if got := HostIP(all[:3]); got != "" {
		t.Error(got)
	}
}
