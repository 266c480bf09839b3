package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"datakit.dev/agent/internal/point"
)

// blockPrinter is a [point.BlockSink] that prints the points of blocks.
type blockPrinter struct {
	came chan struct{} // has an element after a block

	mu      sync.Mutex
	out     *bufio.Writer
	print   pointPrinter
	scanner point.Scanner
	points  int
}

func newBlockPrinter(out io.Writer, spec []point.Measurement, o debugInputOptions) *blockPrinter {
	b := &blockPrinter{came: make(chan struct{}, 1), out: bufio.NewWriter(out)}
	switch {
	case o.json:
		b.print = jsonPrinter{}
	case o.lines:
		b.print = linePrinter{}
	default:
		b.print = &fieldPrinter{spec: spec}
	}
	return b
}

// Put implements [point.BlockSink].
func (b *blockPrinter) Put(_ context.Context, block *point.Block) error {
	lines, err := linesOf(block)
	if err != nil {
		return fmt.Errorf("%w: %w", point.ErrRefused, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.scanner.Reset(lines, block.Category, point.Nanosecond)
	for b.scanner.Next() {
		line, p := b.scanner.Line(), b.scanner.Point()
		text := lines[line.Start:]
		if err := b.print.print(b.out, block.Category, &p, text[:lineEnd(text, line.FieldsEnd-line.Start)]); err != nil {
			return err
		}
		b.points++
	}
	if block.Accepted != nil {
		block.Accepted()
	}
	select {
	case b.came <- struct{}{}:
	default:
	}
	return b.scanner.Err()
}

func (b *blockPrinter) flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Flush()
}

func (b *blockPrinter) printed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.points
}

// linesOf returns the line protocol of a block.
func linesOf(b *point.Block) ([]byte, error) {
	switch b.Encoding {
	case point.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(b.Payload))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case point.Zstd:
		z, err := zstd.NewReader(nil)
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return z.DecodeAll(b.Payload, nil)
	}
	return b.Payload, nil
}

// fieldPrinter writes a point as a table, one row per field, with the unit
// that the input declares.
type fieldPrinter struct{ spec []point.Measurement }

func (f *fieldPrinter) print(w *bufio.Writer, c point.Category, p *point.Point, _ []byte) error {
	fmt.Fprintf(w, "%s (%s) at %s\n", p.Measurement, c, time.Unix(0, p.Time).Format("2006-01-02 15:04:05.000"))
	for _, t := range p.Tags {
		fmt.Fprintf(w, "  %s=%s", t.Key, quoteIfNeeded(t.Value))
	}
	if len(p.Tags) > 0 {
		fmt.Fprintln(w)
	}
	rows, keys, values := make([][2]string, len(p.Fields)), 0, 0
	for i, field := range p.Fields {
		rows[i] = [2]string{field.Key, valueText(field.Value)}
		keys, values = max(keys, utf8.RuneCountInString(rows[i][0])), max(values, min(40, utf8.RuneCountInString(rows[i][1])))
	}
	for i, field := range p.Fields {
		s := f.fieldSpec(p.Measurement, c, field.Key)
		row := fmt.Sprintf("    %-*s  %-*s  %-8s  %s", keys, rows[i][0], values, rows[i][1], s.Unit, strings.ReplaceAll(s.Help, "\n", " "))
		fmt.Fprintln(w, strings.TrimRight(row, " "))
	}
	return nil // an error of w comes again when it is flushed
}

// valueText writes a value for people: floats with six digits that count.
func valueText(v point.Value) string {
	switch v.Kind() {
	case point.KindString:
		return quoteIfNeeded(v.AsString())
	case point.KindFloat:
		if f := v.AsFloat(); f < 1e6 && f > -1e6 {
			return strconv.FormatFloat(f, 'g', 6, 64)
		}
		return strconv.FormatFloat(v.AsFloat(), 'f', 0, 64)
	}
	return fmt.Sprint(native(v))
}

func (f *fieldPrinter) fieldSpec(measurement string, c point.Category, key string) point.FieldSpec {
	for _, m := range f.spec {
		if m.Name != measurement || m.Category != c {
			continue
		}
		for _, s := range m.Fields {
			if s.Key == key {
				return s
			}
		}
	}
	return point.FieldSpec{}
}
