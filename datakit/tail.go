package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/point"
)

func newTailCommand(p *program) *cobra.Command {
	var o tailOptions
	c := &cobra.Command{
		Use:   "tail [measurement...]",
		Short: "Show live points",
		Long: `Show what the running agent takes in, from now on, until Ctrl-C.

--where is an expression over the tags and fields of a point, and over
measurement, category and time (in nanoseconds); see https://expr-lang.org.
Tags are strings, ports too. A name the point does not have is nil; a point
on which the expression fails does not match, and such points are counted.

Exit codes: 0 ended by Ctrl-C or --count, 1 the agent is not running or has
stopped, 2 wrong usage.`,
		Example: `  datakit tail netflow
  datakit tail netflow --where 'dst_port == "443" && bytes_read > 1e6'
  datakit tail --category logging --json
  datakit tail netflow --lines --count 100 > sample.lp`,
		RunE: func(c *cobra.Command, measurements []string) error {
			o.measurements = measurements
			t, err := newTail(o, p.out, p.errOut)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return p.withAgent(func(client *httpapi.Client) error { return t.run(c.Context(), client) })
		},
	}
	c.Flags().StringSliceVar(&o.categories, "category", nil, "only these categories: metric, network, logging, …")
	c.Flags().StringVar(&o.where, "where", "", "only points for which this expression is true")
	c.Flags().BoolVar(&o.json, "json", false, "print one JSON object per line")
	c.Flags().BoolVar(&o.lines, "lines", false, "print line protocol")
	c.Flags().IntVarP(&o.count, "count", "n", 0, "stop after this many points")
	c.MarkFlagsMutuallyExclusive("json", "lines")
	return c
}

type tailOptions struct {
	measurements []string
	categories   []string
	where        string
	json, lines  bool
	count        int
}

// tail prints live points.
type tail struct {
	measurements []string
	categories   []point.Category
	where        *condition // nil: all
	print        pointPrinter
	left         int // points still to print; negative: no end
	out          *bufio.Writer
	errOut       io.Writer
	scanner      point.Scanner
}

// pointPrinter writes points in one form.
type pointPrinter interface {
	// print writes p. line is its line protocol, without the newline.
	print(w *bufio.Writer, c point.Category, p *point.Point, line []byte) error
}

func newTail(o tailOptions, out, errOut io.Writer) (*tail, error) {
	t := &tail{measurements: o.measurements, left: -1, out: bufio.NewWriterSize(out, 64<<10), errOut: errOut}
	for _, name := range o.categories {
		c, err := point.ParseCategory(name)
		if err != nil {
			return nil, err
		}
		t.categories = append(t.categories, c)
	}
	if o.where != "" {
		where, err := compileCondition(o.where)
		if err != nil {
			return nil, fmt.Errorf("--where: %w", err)
		}
		t.where = where
	}
	if o.count < 0 {
		return nil, fmt.Errorf("--count is %d, want 1 or more", o.count)
	}
	if o.count > 0 {
		t.left = o.count
	}
	switch {
	case o.json:
		t.print = jsonPrinter{}
	case o.lines:
		t.print = linePrinter{}
	default:
		t.print = &tablePrinter{zone: time.Local}
	}
	return t, nil
}

// errEnough ends the stream when --count points were printed.
var errEnough = errors.New("enough")

func (t *tail) run(ctx context.Context, client *httpapi.Client) error {
	err := client.Tail(ctx, t.categories, t.show)
	if t.where != nil && t.where.failures > 0 {
		fmt.Fprintf(t.errOut, "datakit: --where failed on %d points, first: %v\n", t.where.failures, t.where.first)
	}
	switch {
	case errors.Is(err, errEnough), ctx.Err() != nil:
		return nil
	case errors.Is(err, io.EOF):
		return errors.New("the agent has stopped")
	default:
		return err
	}
}

// show prints the points of a batch that are asked for.
func (t *tail) show(b httpapi.Batch) error {
	if b.Missed > 0 {
		fmt.Fprintf(t.errOut, "datakit: %d points not shown, this terminal is too slow (they are delivered all the same)\n", b.Missed)
	}
	t.scanner.Reset(b.Lines, b.Category, point.Nanosecond)
	for t.left != 0 && t.scanner.Next() {
		line := t.scanner.Line()
		p := t.scanner.Point()
		if !t.wants(b.Category, &p) {
			continue
		}
		text := b.Lines[line.Start:]
		text = text[:lineEnd(text, line.FieldsEnd-line.Start)]
		if err := t.print.print(t.out, b.Category, &p, text); err != nil {
			return err
		}
		t.left--
	}
	if err := t.scanner.Err(); err != nil {
		return fmt.Errorf("read live points: %w", err)
	}
	if err := t.out.Flush(); err != nil {
		return err
	}
	if t.left == 0 {
		return errEnough
	}
	return nil
}

// lineEnd is where the line ends whose fields end at from: behind them is at
// most a timestamp.
func lineEnd(text []byte, from int) int {
	for from < len(text) && text[from] != '\n' {
		from++
	}
	return from
}

func (t *tail) wants(c point.Category, p *point.Point) bool {
	if len(t.measurements) > 0 && !slices.Contains(t.measurements, p.Measurement) {
		return false
	}
	return t.where == nil || t.where.matches(c, p)
}

// linePrinter writes line protocol, as it is delivered.
type linePrinter struct{}

func (linePrinter) print(w *bufio.Writer, _ point.Category, _ *point.Point, line []byte) error {
	if _, err := w.Write(line); err != nil {
		return err
	}
	return w.WriteByte('\n')
}
