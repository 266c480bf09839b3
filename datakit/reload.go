package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/httpapi"
)

func newReloadCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Make the running agent read its configuration again",
		Long: "Validate the configuration, compare it with what runs, and restart only what\nchanged: a block, or a file that it names, such as a network namespace that was\nmade anew. The queue stays and no point is lost. A bad main file changes nothing,\nand what runs of a file with a mistake goes on. SIGHUP does the same.\n\n" +
			exitCodes,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withAgent(func(client *httpapi.Client) error {
				report, err := client.Reload(c.Context())
				if err == nil {
					_, err = fmt.Fprintln(p.out, report)
				}
				return err
			})
		},
	}
}

// reload reads the configuration again and applies the difference. After an
// error everything is as it was before.
func (a *agent) reload(ctx context.Context) (report string, err error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	next, err := a.program.readSettings(a.layout, a.factories)
	if err != nil {
		return "", err
	}
	a.tryChanged(ctx, next)
	keepRunning(a.settings, next)
	was, now := a.settings.main, next.main
	var done []string

	// What can fail comes first, and leaves everything as it is.
	h := a.hostOf(now)
	var server *httpapi.Server
	if !reflect.DeepEqual(was.HTTP, now.HTTP) {
		if server, err = httpapi.NewServer(a.apiConfig(now, h)); err != nil {
			return "", err
		}
	}
	switched, err := a.uploads.apply(backendsOf(a.layout, now))
	if err != nil {
		return "", err
	}
	if switched {
		a.noteBackends()
		done = append(done, "backends changed")
	}
	if server != nil {
		a.serve(server)
		done = append(done, "HTTP API restarted")
	}
	a.setHost(h)
	a.own.feed.SetTags(h.tags)
	a.api.feed.SetTags(h.tags)
	if was.Logging.Level != now.Logging.Level {
		setLevel(a.level, now.Logging.Level)
		done = append(done, "log level "+now.Logging.Level)
	}
	change, err := a.applyInputs(ctx, next, h)
	a.settings = next
	a.report(next)
	done = append(done, fmt.Sprintf("inputs: %d kept, %d stopped, %d started", change.Kept, change.Stopped, change.Started))
	if keys := needRestart(was, now); len(keys) > 0 {
		done = append(done, "takes effect only after a restart: "+strings.Join(keys, ", "))
	}
	for _, m := range next.mistakes {
		done = append(done, "mistake: "+m.Error())
	}
	report = strings.Join(done, "\n")
	a.log.Info("configuration reloaded", "report", report)
	return report, err
}

// tryChanged finds out about blocks that are new or changed what only building
// them, or the program of an external, can say; before anything is stopped.
func (a *agent) tryChanged(ctx context.Context, next *settings) {
	running := map[string]bool{}
	for _, in := range a.settings.inputs {
		running[a.jobKey(in, a.host())] = true
	}
	changed := slices.DeleteFunc(slices.Clone(next.inputs), func(in inputConfig) bool { return running[a.jobKey(in, a.host())] })
	mistakes, _, _ := tryInputs(ctx, a.layout, changed, a.program.environ())
	next.blame(mistakes)
}

// keepRunning copies the inputs of files that are now wrong from the old
// settings: a slip of the pen does not stop what runs.
func keepRunning(old, next *settings) {
	next.inputs = slices.DeleteFunc(next.inputs, func(in inputConfig) bool { return next.badFiles[in.section.File] && runs(old, in.section.File) })
	for _, in := range old.inputs {
		if next.badFiles[in.section.File] {
			next.inputs = append(next.inputs, in)
		}
	}
}

// runs reports whether an input of this file runs.
func runs(s *settings, file string) bool {
	return slices.ContainsFunc(s.inputs, func(in inputConfig) bool { return in.section.File == file })
}

// needRestart lists the changed keys that a running agent does not take up.
func needRestart(was, now *config.Main) (keys []string) {
	sameLog := now.Logging
	sameLog.Level = was.Logging.Level
	for key, same := range map[string]bool{
		"[queue]":      was.Queue == now.Queue,
		"[io]":         was.IO == now.IO,
		"[logging]":    was.Logging == sameLog,
		"pprof":        was.EnablePprof == now.EnablePprof && was.PprofListen == now.PprofListen,
		"ulimit":       was.ULimit == now.ULimit,
		"memory_limit": was.MemoryLimit == now.MemoryLimit,
	} {
		if !same {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// reloadOnSignal reloads once per signal until ctx ends.
func (a *agent) reloadOnSignal(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if _, err := a.reload(ctx); err != nil && !errors.Is(err, context.Canceled) {
				a.log.Error("the new configuration is not used", "error", err)
			}
		}
	}
}
