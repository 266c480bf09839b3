package ebpfnet

import (
	"errors"
	"fmt"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/plugins/ebpfnet/tls"
)

// maxSessions bounds what the kernel is asked to set aside for TLS: about 500
// bytes per connection.
const maxSessions = 1 << 17

// loadPlaintext attaches to TLS libraries, if httpflow-tls is wanted. What
// they encrypt takes the way that packets in clear take.
//
//	exec events ─► processes ─► tls.Tracer ─► exchange.Tracker ─► httpflow
func (p *Plugin) loadPlaintext(scope bpf.Scope, mount string) (err error) {
	wanted := wantsHTTP(p.cfg, "httpflow-tls")
	if !wanted && !p.cfg.ContainerID {
		return nil
	}
	if err := p.processes.open(); err != nil {
		p.env.Log.Warn("processes that live for an instant are not known", "error", err)
	}
	if !wanted {
		return nil
	}
	p.plaintext, err = tls.Open(tls.Config{
		Scope: scope, Loopback: p.cfg.IncludeLoopback, NoIPv6: p.cfg.IPv6Disabled, CgroupMount: mount,
		MaxSessions: uint32(min(p.cfg.MaxConnections, maxSessions)),
		FS:          p.env.FS, Now: p.env.Now, Log: p.env.Log, Sink: p.apps.exchanges, Name: p.processes.name,
	})
	if errors.Is(err, bpf.ErrNotSupported) && (p.tracer != nil || p.apps.tap != nil) {
		p.env.Log.Warn("HTTP under TLS is not observed", "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("observe tls: %w", err)
	}
	p.apps.poll = p.pollPlaintext
	return nil
}

// pollPlaintext runs in the goroutine that looks at packets.
func (p *Plugin) pollPlaintext() error {
	if err := p.processes.poll(p.plaintext.Executed); err != nil {
		return err
	}
	return p.plaintext.Poll()
}

// pollProcesses runs in the goroutine of Run, when nothing else polls them.
func (p *Plugin) pollProcesses() error {
	if p.plaintext != nil {
		return nil
	}
	return p.processes.poll(func(uint32) {})
}

func (p *Plugin) closePlaintext() (err error) {
	if p.plaintext != nil {
		err = p.plaintext.Close()
	}
	return errors.Join(err, p.processes.close())
}
