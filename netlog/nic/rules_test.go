package nic

import "testing"

func TestRules(t *testing.T) {
	host, container := &Namespace{Host: true}, &Namespace{}
	eth := NIC{Name: "eth0", Space: host, up: true}
	with := func(change func(*NIC)) NIC {
		n := eth
		change(&n)
		return n
	}
	tests := []struct {
		name  string
		rules Rules
		nic   NIC
		seen  bool
		want  string
	}{
		{"hardware", Rules{}, eth, false, ""},
		{"down", Rules{}, with(func(n *NIC) { n.up = false }), false, "down"},
		{"virtual function", Rules{}, with(func(n *NIC) { n.paired = true }), false, "its master shows the same"},
		{"loopback", Rules{}, with(func(n *NIC) { n.Loopback = true }), false, "loopback"},
		{"loopback of a container", Rules{}, with(func(n *NIC) { n.Loopback, n.Space = true, container }), false, "loopback"},
		{"bridge of the host", Rules{}, with(func(n *NIC) { n.Kind = "bridge" }), false, "virtual: bridge"},
		{"bridge of a container", Rules{}, with(func(n *NIC) { n.Kind, n.Space = "bridge", container }), false, ""},
		{"veth to a container", Rules{}, with(func(n *NIC) { n.Kind = "veth" }), true, "virtual: its other end is captured"},
		{"veth out of what is seen", Rules{}, with(func(n *NIC) { n.Kind = "veth" }), false, ""},
		{"veth of a container", Rules{}, with(func(n *NIC) { n.Kind, n.Space = "veth", container }), true, ""},
		{"included", Rules{Include: []string{"br-*", "et?0"}}, with(func(n *NIC) { n.Kind = "bridge" }), false, ""},
		{"included loopback", Rules{Include: []string{"*"}}, with(func(n *NIC) { n.Loopback = true }), false, ""},
		{"included, but down", Rules{Include: []string{"*"}}, with(func(n *NIC) { n.up = false }), false, "down"},
		{"not included", Rules{Include: []string{"br-*"}}, eth, false, "not included"},
		{"excluded", Rules{Exclude: []string{"eth[0-9]"}}, eth, false, "excluded"},
		{"included and excluded", Rules{Include: []string{"eth*"}, Exclude: []string{"eth0"}}, eth, false, "excluded"},
		{"others excluded", Rules{Exclude: []string{"eth"}}, eth, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.rules.why(&tt.nic, func(*NIC) bool { return tt.seen }); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestBadPattern(t *testing.T) {
	if _, err := NewWatcher(Config{Rules: Rules{Exclude: []string{"eth["}}}); err == nil {
		t.Error("no error")
	}
}
