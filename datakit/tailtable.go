package main

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"datakit.dev/agent/internal/point"
)

// tablePrinter writes points for people. Measurements that have a layout of
// their own get a row of columns, all others "name=value".
//
// Columns have a fixed width, because points come one by one; what is wider
// shifts the rest of its row.
type tablePrinter struct {
	zone *time.Location
	last string // measurement of the last header
}

// rowLayout is how the points of a measurement are shown.
type rowLayout struct {
	header string
	row    func(clock string, p cells) string
}

// layoutOf returns the layout of a measurement, if it has one.
func layoutOf(measurement string) (rowLayout, bool) {
	switch measurement {
	case "netflow":
		return rowLayout{flowHeader, flowRow}, true
	case "httpflow":
		return rowLayout{httpHeader, httpRow}, true
	case "dnsflow":
		return rowLayout{dnsHeader, dnsRow}, true
	default:
		return rowLayout{}, false
	}
}

func (t *tablePrinter) print(w *bufio.Writer, _ point.Category, p *point.Point, _ []byte) error {
	var row string
	if l, ok := layoutOf(p.Measurement); ok {
		t.header(w, p.Measurement, l.header)
		row = l.row(t.clock(p.Time), cells{p})
	} else {
		t.header(w, "", "")
		row = genericRow(t.clock(p.Time), p)
	}
	_, err := w.WriteString(strings.TrimRight(row, " ") + "\n")
	return err
}

// header writes the header of a layout where another one was in use.
func (t *tablePrinter) header(w *bufio.Writer, layout, text string) {
	if t.last != layout && text != "" {
		fmt.Fprintln(w, text) // an error of w comes again with the row
	}
	t.last = layout
}

func (t *tablePrinter) clock(ns int64) string {
	return time.Unix(0, ns).In(t.zone).Format("15:04:05.000")
}

// columns joins cells of the given widths; negative ones are aligned to the
// right.
func columns(widths []int, texts ...string) string {
	var b strings.Builder
	for i, text := range texts {
		width := widths[i]
		pad := strings.Repeat(" ", max(0, max(width, -width)-utf8.RuneCountInString(text)))
		if width < 0 {
			text = pad + text
		} else {
			text += pad
		}
		b.WriteString(text)
		b.WriteString("  ")
	}
	return strings.TrimRight(b.String(), " ")
}

func processText(name, pid string) string {
	switch {
	case name == "" && (pid == "" || pid == "0"):
		return "?"
	case pid == "":
		return name
	default:
		return name + "[" + pid + "]"
	}
}

func endpointText(ip, port string) string {
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]"
	}
	return ip + ":" + port
}

// bytesText writes a size with powers of 1024.
func bytesText(n int64) string {
	if n > -1024 && n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		f /= 1024
		if f > -1024 && f < 1024 || unit == "TiB" {
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
	}
	return "" // not reached
}

// microsText writes microseconds with the unit that fits.
func microsText(us int64) string {
	switch {
	case us < 1000:
		return strconv.FormatInt(us, 10) + " µs"
	case us < 1_000_000:
		return strconv.FormatFloat(float64(us)/1e3, 'f', 1, 64) + " ms"
	default:
		return strconv.FormatFloat(float64(us)/1e6, 'f', 1, 64) + " s"
	}
}

// genericRow writes any point: tags, then fields.
func genericRow(clock string, p *point.Point) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s ", clock, p.Measurement)
	for _, t := range p.Tags {
		fmt.Fprintf(&b, " %s=%s", t.Key, quoteIfNeeded(t.Value))
	}
	b.WriteString(" ")
	for _, f := range p.Fields {
		if f.Value.Kind() == point.KindString {
			fmt.Fprintf(&b, " %s=%s", f.Key, quoteIfNeeded(f.Value.AsString()))
		} else {
			fmt.Fprintf(&b, " %s=%v", f.Key, native(f.Value))
		}
	}
	return b.String()
}

// quoteIfNeeded keeps a value on one line and apart from the next, and
// control characters off the terminal.
func quoteIfNeeded(s string) string {
	if s == "" || strings.ContainsAny(s, " \"") || strconv.Quote(s) != `"`+s+`"` {
		return strconv.Quote(s)
	}
	return s
}
