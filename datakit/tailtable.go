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

func (t *tablePrinter) print(w *bufio.Writer, _ point.Category, p *point.Point, _ []byte) error {
	var row string
	if p.Measurement == "netflow" {
		t.header(w, p.Measurement, flowHeader)
		row = flowRow(t.clock(p.Time), p)
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

// flowHeader are the columns of netflow. The arrow points from who opened
// the connection to who accepted it.
var flowHeader = columns("TIME", "PROCESS", "PROTO", "SOURCE", "", "DESTINATION", "WRITTEN", "READ", "RTT", "RETR", "CONN")

func flowRow(clock string, p *point.Point) string {
	tag := func(key string) string {
		for _, t := range p.Tags {
			if t.Key == key {
				return t.Value
			}
		}
		return ""
	}
	field := func(key string) (int64, bool) {
		for _, f := range p.Fields {
			if f.Key == key && f.Value.Kind() == point.KindInt {
				return f.Value.AsInt(), true
			}
		}
		return 0, false
	}
	size := func(key string) string { n, _ := field(key); return bytesText(n) }
	arrow := "→"
	if tag("direction") == "incoming" {
		arrow = "←"
	}
	rtt := ""
	if us, ok := field("rtt"); ok && us > 0 {
		rtt = microsText(us)
	}
	retransmits := ""
	if n, _ := field("retransmits"); n > 0 {
		retransmits = strconv.FormatInt(n, 10)
	}
	connections := ""
	if n, _ := field("tcp_established"); n > 0 {
		connections += fmt.Sprintf("+%d ", n)
	}
	if n, _ := field("tcp_closed"); n > 0 {
		connections += fmt.Sprintf("-%d", n)
	}
	row := columns(clock, processText(tag("process_name"), tag("pid")), tag("transport"),
		endpointText(tag("src_ip"), tag("src_port")), arrow, endpointText(tag("dst_ip"), tag("dst_port")),
		size("bytes_written"), size("bytes_read"), rtt, retransmits, connections)
	if domain := tag("dst_domain"); domain != "" && domain != "N/A" {
		row = strings.TrimRight(row, " ") + "  " + domain
	}
	return row
}

// flowColumns are the widths of the columns of netflow; negative ones are
// aligned to the right.
var flowColumns = [...]int{12, 22, 5, 21, 1, 21, -9, -9, -8, -4, 8}

func columns(cells ...string) string {
	var b strings.Builder
	for i, cell := range cells {
		width := flowColumns[i]
		pad := strings.Repeat(" ", max(0, max(width, -width)-utf8.RuneCountInString(cell)))
		if width < 0 {
			cell = pad + cell
		} else {
			cell += pad
		}
		b.WriteString(cell)
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
