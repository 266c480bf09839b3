package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/queue"
)

func newInspectCommand(q *queueCommand) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect",
		Short: "Show what waits, per backend and category",
		Long: `Ask the running agent, or read all records of a stopped queue, which finds
damage too. Changes nothing.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, configured, err := q.folder()
			if err != nil {
				return err
			}
			if configured {
				state, err := q.ask(c.Context())
				if err == nil {
					return q.print(state, func(w io.Writer) error { return writeQueueState(w, time.Now(), state) })
				}
				if !errors.Is(err, httpapi.ErrNotRunning) {
					return err
				}
			}
			report, err := queue.Inspect(dir)
			if err != nil {
				return err
			}
			return q.print(report, func(w io.Writer) error { return writeQueueReport(w, time.Now(), report) })
		},
	}
}

// ask returns the queue as the running agent sees it.
func (q *queueCommand) ask(ctx context.Context) (out httpapi.QueueState, err error) {
	err = q.program.withAgent(func(client *httpapi.Client) error {
		state, err := client.State(ctx)
		out = state.Queue
		return err
	})
	return out, err
}

// writeQueueState prints the queue of a running agent.
func writeQueueState(w io.Writer, now time.Time, q httpapi.QueueState) error {
	full := ""
	if q.Full {
		full = ", FULL"
	}
	fmt.Fprintf(w, "%s: %s of %s%s, in use by the agent\n", q.Dir, bytesText(q.Bytes), bytesText(q.MaxBytes), full)
	if q.DamagedRegions > 0 {
		fmt.Fprintf(w, "set aside since the start: %s, %s\n", plural(int(q.DamagedRegions), "damaged region"), bytesText(q.DamagedBytes))
	}
	t := newTable(w, "BACKEND", "CATEGORY", "QUEUED", "BYTES", "OLDEST", "CARRIED", "PUT", "UPLOADED", "DROPPED")
	for _, c := range q.Cursors {
		if c.Carried+c.Put == 0 {
			continue
		}
		t.row(c.Backend, c.Category, c.Queued, bytesText(c.Bytes), age(now, c.Oldest), c.Carried, c.Put, c.Uploaded, reasonsText(c.Dropped))
	}
	return t.flush()
}

// writeQueueReport prints a stopped queue.
func writeQueueReport(w io.Writer, now time.Time, r queue.Report) error {
	var total int64
	for _, l := range r.Logs {
		total += l.Bytes
	}
	fmt.Fprintf(w, "%s: %s, not in use\n", r.Dir, bytesText(total))
	t := newTable(w, "CATEGORY", "BACKEND", "QUEUED", "BLOCKS", "BYTES", "OLDEST", "MISSING", "NOTE")
	for _, l := range r.Logs {
		if l.Bytes == 0 {
			continue
		}
		note := ""
		if l.DamagedRegions > 0 {
			note = fmt.Sprintf("%s, %s", plural(int(l.DamagedRegions), "damaged region"), bytesText(l.DamagedBytes))
		}
		if l.TornBytes > 0 {
			note = strings.TrimPrefix(note+"; unfinished write, "+bytesText(l.TornBytes), "; ")
		}
		t.row(l.Name, "(on disk)", l.Points, l.Records, bytesText(l.Bytes), age(now, l.Oldest), l.MissingPoints, note)
		for _, b := range l.Backends {
			t.row("", b.Backend, b.Points, b.Records, bytesText(b.Bytes), age(now, b.Oldest), b.MissingPoints, b.Error)
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if r.AsideFiles > 0 {
		fmt.Fprintf(w, "set aside before: %s, %s in %s/damaged\n", plural(r.AsideFiles, "file"), bytesText(r.AsideBytes), r.Dir)
	}
	return nil
}

// table aligns columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, head ...any) *table {
	t := &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(head...)
	return t
}

func (t *table) row(cells ...any) {
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, c)
	}
	fmt.Fprintln(t.w)
}

func (t *table) flush() error { return t.w.Flush() }

// age is how long ago t was; "-" for never.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return since(now, t)
}

// reasonsText lists counts by reason.
func reasonsText(dropped map[string]int64) string {
	if len(dropped) == 0 {
		return "0"
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(dropped)) {
		parts = append(parts, fmt.Sprintf("%d %s", dropped[reason], reason))
	}
	return strings.Join(parts, ", ")
}
