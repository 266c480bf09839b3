package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"datakit.dev/agent/inputs/all"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

func newQueueCommand(p *program) *cobra.Command {
	var q queueCommand
	c := &cobra.Command{
		Use:   "queue",
		Short: "Inspect, repair, replay or purge what waits on disk",
		Long: `The queue holds what was accepted and not yet delivered. A running agent owns
it: inspect then asks the agent, repair and purge need it stopped, and replay
reads other folders and files.

Exit codes: 0 done, 1 failed or refused, 2 wrong usage.`,
		Args: usage(cobra.NoArgs),
	}
	c.PersistentFlags().StringVar(&q.dir, "dir", "", "folder of the queue (default: as configured)")
	c.PersistentFlags().BoolVar(&q.json, "json", false, "print JSON")
	q.program = p
	c.AddCommand(newInspectCommand(&q), newRepairCommand(&q), newReplayCommand(&q), newPurgeCommand(&q))
	return c
}

// queueCommand is what the commands on the queue share.
type queueCommand struct {
	program *program
	dir     string
	json    bool
}

// folder is the queue to work on, and whether it is the configured one.
func (q *queueCommand) folder() (dir string, configured bool, err error) {
	if q.dir != "" {
		return q.dir, false, nil
	}
	l, err := q.program.layout()
	if err != nil {
		return "", false, err
	}
	s, err := q.program.readSettings(l, all.Factories())
	if err != nil {
		return "", false, fmt.Errorf("which folder the queue is in is not known (use --dir): %w", err)
	}
	return l.path(s.main.Queue.Path), true, nil
}

// print writes v as JSON, or calls text.
func (q *queueCommand) print(v any, text func(w io.Writer) error) error {
	if !q.json {
		return text(q.program.out)
	}
	e := json.NewEncoder(q.program.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// stopFirst explains an error of a queue that is in use.
func stopFirst(err error) error {
	if errors.Is(err, queue.ErrLocked) {
		return fmt.Errorf("%w; stop the agent first", err)
	}
	return err
}

func newRepairCommand(q *queueCommand) *cobra.Command {
	return &cobra.Command{
		Use:   "repair",
		Short: "Set damaged parts of a stopped queue aside",
		Long: `Move damaged bytes to the folder "damaged" of the queue, and set damaged
cursors back to the oldest block. The agent does the same when it comes across
damage; nothing has to be repaired before it starts.`,
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			dir, _, err := q.folder()
			if err != nil {
				return err
			}
			done, err := queue.Repair(dir, slog.New(slog.NewTextHandler(q.program.errOut, nil)))
			if err != nil {
				return stopFirst(err)
			}
			return q.print(done, func(w io.Writer) error {
				if done == (queue.Repaired{}) {
					_, err := fmt.Fprintln(w, "Nothing is damaged.")
					return err
				}
				_, err := fmt.Fprintf(w, "Set aside: %d regions, %s. Segments: %d rewritten, %d without a good record. Unfinished writes cut: %s. Cursors set back: %d.\n",
					done.Regions, bytesText(done.Bytes), done.Segments, done.SegmentsGone, bytesText(done.TornBytes), done.Cursors)
				return err
			})
		},
	}
}

func newPurgeCommand(q *queueCommand) *cobra.Command {
	var f filterFlags
	var yes bool
	c := &cobra.Command{
		Use:   "purge",
		Short: "Give up blocks of a stopped queue that were not delivered",
		Long: `Drop what backends have queued, the oldest first, for all backends and
categories or the selected ones. What is dropped was acknowledged and will
never be delivered. Without --yes it only says what would be dropped.`,
		Example: "  datakit queue purge --backend old-one --yes\n  datakit queue purge --before 72h",
		Args:    usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			dir, _, err := q.folder()
			if err != nil {
				return err
			}
			filter, err := f.filter(time.Now())
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return q.purge(dir, filter, yes)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

func (q *queueCommand) purge(dir string, f queue.Filter, yes bool) error {
	act := queue.Purge
	verb := "dropped"
	if !yes {
		act, verb = wouldPurge, "would be dropped"
	}
	all, err := act(dir, f)
	if err != nil {
		return stopFirst(err)
	}
	if all == nil {
		all = []queue.Purged{}
	}
	err = q.print(all, func(w io.Writer) error {
		for _, p := range all {
			fmt.Fprintf(w, "%s, %s: %s in %s %s\n", p.Backend, p.Name, plural(int(p.Points), "point"), plural(int(p.Records), "block"), verb)
		}
		if len(all) == 0 {
			fmt.Fprintln(w, "Nothing is queued that the selection names.")
		}
		return nil
	})
	if err == nil && !yes && len(all) > 0 {
		err = errors.New("nothing was dropped; repeat with --yes")
	}
	return err
}

// wouldPurge counts what Purge would drop.
func wouldPurge(dir string, f queue.Filter) ([]queue.Purged, error) {
	report, err := queue.Inspect(dir)
	if err != nil {
		return nil, err
	}
	var all []queue.Purged
	for _, l := range report.Logs {
		if f.Category != 0 && f.Category != l.Category {
			continue
		}
		for _, b := range l.Backends {
			if f.Backend != "" && f.Backend != b.Backend {
				continue
			}
			p := queue.Purged{Backend: b.Backend, Category: l.Category, Name: l.Name}
			for e, err := range queue.Blocks(dir, queue.Filter{Category: l.Category, Backend: b.Backend, Before: f.Before}) {
				if err != nil {
					return nil, err
				}
				p.Records++
				p.Points += int64(e.Points)
			}
			if p.Records > 0 {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// filterFlags select blocks.
type filterFlags struct{ category, backend, before string }

func (f *filterFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.category, "category", "", "only this category")
	c.Flags().StringVar(&f.backend, "backend", "", "only what this backend has queued")
	c.Flags().StringVar(&f.before, "before", "", "only blocks older than a duration (72h) or written before a time (2026-01-02T15:04:05Z)")
}

func (f *filterFlags) filter(now time.Time) (q queue.Filter, err error) {
	q.Backend = f.backend
	if f.category != "" {
		if q.Category, err = point.ParseCategory(f.category); err != nil {
			return q, err
		}
	}
	if f.before == "" {
		return q, nil
	}
	if age, err := time.ParseDuration(f.before); err == nil && age >= 0 {
		q.Before = now.Add(-age)
		return q, nil
	}
	if q.Before, err = time.Parse(time.RFC3339, f.before); err != nil {
		return q, fmt.Errorf("--before is %q, want a duration such as 72h or a time such as 2026-01-02T15:04:05Z", f.before)
	}
	return q, nil
}
