package supervisor

import (
	"cmp"
	"context"
	"log/slog"
	"os"

	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/plugins/rpc"
)

// Check starts the program, lets it read its arguments and its configuration,
// and ends it before it collects anything. The error is what the program finds
// wrong; what it warns of is logged. Of a program that delivers by itself
// nothing can be known. It implements [inputs.Checker] and needs no Run.
func (s *Supervisor) Check(ctx context.Context) error {
	if s.cfg.Plugin == nil {
		return nil
	}
	cfg, plugin := s.cfg, *s.cfg.Plugin
	plugin.RunDir = os.TempDir() // who checks may not be allowed to write where the agent does
	cfg.Plugin, cfg.Limits = &plugin, limit.Limits{}
	se := newSession(New(cfg), slog.New(slog.DiscardHandler)) // its last words are in the error
	configured := false
	out := se.with(ctx, func(*rpc.Client) end {
		configured = true
		return end{orderly: true}
	})
	if configured {
		return nil
	}
	return cmp.Or(out.err, ctx.Err())
}
