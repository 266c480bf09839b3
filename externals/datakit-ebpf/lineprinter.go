package main

import (
	"bufio"
	"context"
	"fmt"

	"datakit.dev/agent/internal/point"
)

// linePrinter is a sink that prints line protocol.
type linePrinter struct {
	to   *bufio.Writer
	tags *point.TagSet
	line []byte
}

// Feed implements [point.Sink].
func (l *linePrinter) Feed(_ context.Context, c point.Category, points []point.Point) error {
	for i := range points {
		l.line, _ = point.AppendLine(l.line[:0], &points[i], c, l.tags, nil)
		if _, err := l.to.Write(l.line); err != nil {
			return fmt.Errorf("print points: %w", err)
		}
	}
	return nil
}
