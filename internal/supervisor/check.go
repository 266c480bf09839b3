package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"

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
	if out.err == nil {
		return ctx.Err()
	}
	return said(out.err, plugin.Config.Source)
}

// said is what the program said, without what whoever checks knows anyway.
func said(err error, source string) error {
	_, text, refused := strings.Cut(err.Error(), rpc.ErrConfig.Error()+": ")
	if !refused || source == "" {
		return err
	}
	return errors.New(strings.ReplaceAll(text, source+": ", ""))
}
