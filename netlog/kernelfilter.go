package netlog

import (
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/socketfilter"
)

// kernelFilter puts the rules of netlog_blacklist into the kernel for one
// interface, as far as they ask for headers. It returns nil where that is not
// possible; all rules are decided in user space then. Those that remain
// always are.
func (p *Plugin) kernelFilter(link packet.LinkType, on *Interface) *socketfilter.Filter {
	if p.taps.rules == nil || p.taps.rules.Len() == 0 {
		return nil
	}
	known := map[string]string{"nic": on.Name, "netns": on.netns()}
	if on.Pod != "" {
		known["k8s_src_pod"] = on.Pod
	}
	f, err := socketfilter.New(p.taps.rules, socketfilter.Config{Link: link, Snap: p.table.SnapLength, Known: known})
	if err != nil {
		p.env.Log.Warn("netlog_blacklist is not decided in the kernel", "interface", on.Name, "error", err)
		return nil
	}
	return f
}

// droppedInKernel is how many packets the blacklist has dropped before the
// source: one of eBPF counts itself, for a classic one the source does.
func droppedInKernel(f *socketfilter.Filter, s *capture.Stats) int64 {
	n := s.Filtered
	rules, err := f.Dropped()
	if err != nil {
		return n // its map is closed
	}
	for _, dropped := range rules {
		n += int64(dropped)
	}
	return n
}
