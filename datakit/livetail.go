package main

import (
	"context"

	"datakit.dev/agent/internal/httpapi"
)

// printTail is 'datakit tail' in the terminal of the agent itself.
func (a *agent) printTail(ctx context.Context) error {
	t, err := newTail(tailOptions{}, a.program.out, a.program.errOut)
	if err != nil {
		return err
	}
	client := httpapi.NewClient(a.layout.socket())
	defer client.Close()
	if err := t.run(ctx, client); err != nil && ctx.Err() == nil {
		a.log.Debug("live points ended", "error", err)
	}
	return nil
}
