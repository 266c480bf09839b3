package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/spf13/cobra"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/httpapi"
)

// openLog makes the logger the configuration asks for. The closer ends the
// file, when there is one.
func openLog(l layout, c config.Logging, level *slog.LevelVar, stdout io.Writer) (*slog.Logger, io.Closer) {
	out, closer := stdout, io.Closer(io.NopCloser(nil))
	if c.Log != "stdout" && c.Log != "" {
		file := &lumberjack.Logger{Filename: l.path(c.Log), MaxSize: c.Rotate, MaxBackups: c.RotateBackups}
		out, closer = file, file
	}
	setLevel(level, c.Level)
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})), closer
}

// setLevel sets a level whose name has been validated.
func setLevel(level *slog.LevelVar, name string) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err == nil {
		level.Set(l)
	}
}

func newLogLevelCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "log-level [debug|info|warn|error]", Short: "Print or change the log level of the running agent",
		Args: usage(cobra.MaximumNArgs(1)), ValidArgs: []string{"debug", "info", "warn", "error"},
		RunE: func(c *cobra.Command, args []string) error {
			return p.withAgent(func(client *httpapi.Client) error {
				if len(args) == 1 {
					return client.SetLevel(c.Context(), args[0])
				}
				return p.printLevel(c.Context(), client)
			})
		},
	}
}

func (p *program) printLevel(ctx context.Context, client *httpapi.Client) error {
	level, err := client.Level(ctx)
	if err == nil {
		_, err = fmt.Fprintln(p.out, level)
	}
	return err
}

// withAgent calls use with a client of the running agent.
func (p *program) withAgent(use func(*httpapi.Client) error) error {
	l, err := p.layout()
	if err != nil {
		return err
	}
	client := httpapi.NewClient(l.socket())
	defer client.Close()
	return use(client)
}
