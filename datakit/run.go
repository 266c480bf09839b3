package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/all"
)

func newRunCommand(p *program) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the agent in the foreground",
		Long: "Read conf.d, run the inputs, and deliver what they collect. SIGTERM and SIGINT\nstop it, SIGHUP makes it read its configuration again.\n\n" +
			"Settings come from, the first wins: --set, ENV_* variables, conf.d/datakit.conf,\ndefaults.\n\n" + exitCodes,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := p.layout()
			if err != nil {
				return err
			}
			return p.run(c.Context(), l, all.Factories(), o)
		},
	}
	c.Flags().BoolVarP(&o.container, "container", "C", false, "in a container: the host is named after the node (ENV_K8S_NODE_NAME)")
	c.Flags().BoolVar(&o.tail, "tail", false, "print the points as they are stored, one line each")
	return c
}

// run runs the agent until ctx ends.
func (p *program) run(ctx context.Context, l layout, factories []inputs.Factory, o options) error {
	a, err := newAgent(p, l, factories, o)
	if err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	if err := a.start(ctx); err != nil {
		return errors.Join(err, a.stop())
	}
	var background []*service
	background = append(background, begin("reload", func(ctx context.Context) error { a.reloadOnSignal(ctx, hangups); return nil }))
	if o.tail {
		background = append(background, begin("tail", a.printTail))
	}
	<-ctx.Done()
	a.log.Info("agent is stopping")
	err = a.stop()
	for _, s := range background {
		err = errors.Join(err, s.Close(context.Background()))
	}
	return err
}
