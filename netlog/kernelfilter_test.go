package netlog

import (
	"strings"
	"testing"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/plugins"
)

// The blacklist hands the kind of a tunnel on as a number.
func TestTunnelsAreNumberedAlike(t *testing.T) {
	if packet.None != 0 || packet.VXLAN != filter.TunnelVXLAN || packet.Geneve != filter.TunnelGeneve ||
		packet.GRE != filter.TunnelGRE || packet.IPIP != filter.TunnelIPIP {
		t.Error("packet and filter number tunnels in different ways")
	}
}

// The pod on the side of an interface is that of its namespace.
func TestBlacklistKnowsThePod(t *testing.T) {
	rules, err := filter.Compile("k8s_src_pod == 'web-1' && dst_port == 443")
	must(t, err)
	p := &packet.Packet{Dir: packet.Rx, Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), SrcPort: 443, DstPort: 40000, Proto: packet.ProtoTCP}
	for pod, want := range map[string]bool{"web-1": true, "web-2": false, "": false} {
		if got := newBlacklist(rules, &Interface{Name: "eth0", Pod: pod}).drops(p); got != want {
			t.Errorf("in pod %q dropped is %t", pod, got)
		}
	}
}

func TestWarnings(t *testing.T) {
	for rule, want := range map[string]string{
		"":                            "",
		"src_port == 80":              "",
		"k8s_src_pod == 'web'":        `k8s_src_pod is always "": pods are not looked up yet`,
		"has_prefix(k8s_pod, 'web') ": `k8s_src_pod is always "": pods are not looked up yet; k8s_dst_pod is always "": pods are not looked up yet`,
		"tunnel == 'l2tp' && udp":     `rule:1:11: tunnel is never "l2tp"`,
	} {
		rules, err := filter.Compile(rule)
		must(t, err)
		if got := strings.Join(warnings(rules), "; "); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q: warnings %q, want %q", rule, got, want)
		}
	}
}

// What headers decide never comes to user space, what texts decide does; both
// are kept out of everything and counted.
func TestBlacklistInKernel(t *testing.T) {
	for _, tt := range []struct {
		name, rules, kind string
		kernel            bool
	}{
		{"headers", "port == 8080 && nic == 'near'; k8s_src_pod == 'x'", "ebpf", true},
		{"texts", "matches(ip, '^(10.78.0|fd78:)') && port == 8080", "none", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := nettest.New(t)
			serve(t, w, 8080)
			serve(t, w, 8081)
			r := start(t, w, func(c *plugins.EBPF, _ *Table) { c.NetlogBlacklist = tt.rules })
			if want := "blacklist=" + tt.kind; !strings.Contains(r.log.String(), want) {
				t.Errorf("the log has no %s:\n%s", want, r.log)
			}
			browse(t, w, 8080, 6, 1)
			browse(t, w, 8081, 6, 1)
			r.eventually(t, "flows", func() bool { return r.sum("netflow", "tcp_closed") == 6 })
			r.stop() // and the ledger adds up
			if n := tcpConnections(r.out); n != 6 {
				t.Errorf("%d connections in logs", n)
			}
			kernel, user := r.retired.kernel, r.retired.tap.Filtered
			if (kernel > 0) != tt.kernel || (user > 0) == tt.kernel || kernel+user < 6*8 {
				t.Errorf("the kernel dropped %d packets, user space %d", kernel, user)
			}
		})
	}
}
