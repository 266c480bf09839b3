package main

import (
	"fmt"
	"strconv"

	"datakit.dev/agent/internal/point"
)

// cells reads the values of a point for the columns of its row.
type cells struct{ p *point.Point }

// tag returns the value of a tag, "" without it.
func (c cells) tag(key string) string {
	for _, t := range c.p.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// field returns a field, the zero Value without it.
func (c cells) field(key string) point.Value {
	for _, f := range c.p.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return point.Value{}
}

// number returns an integer field; false when there is none.
func (c cells) number(key string) (int64, bool) {
	if v := c.field(key); v.Kind() == point.KindInt {
		return v.AsInt(), true
	}
	return 0, false
}

func (c cells) text(key string) string {
	if v := c.field(key); v.Kind() == point.KindString {
		return v.AsString()
	}
	return ""
}

func (c cells) size(key string) string { n, _ := c.number(key); return bytesText(n) }

func (c cells) count(key string) string { n, _ := c.number(key); return strconv.FormatInt(n, 10) }

// latency is a field in nanoseconds; "" when nothing was measured.
func (c cells) latency(key string) string {
	if ns, ok := c.number(key); ok {
		return microsText(ns / 1000)
	}
	return ""
}

// arrow points from who opened the connection to who accepted it.
func (c cells) arrow() string {
	if c.tag("direction") == "incoming" {
		return "←"
	}
	return "→"
}

func (c cells) process() string { return processText(c.tag("process_name"), c.tag("pid")) }
func (c cells) source() string  { return endpointText(c.tag("src_ip"), c.tag("src_port")) }

func (c cells) destination() string { return endpointText(c.tag("dst_ip"), c.tag("dst_port")) }

// domain is appended to a row: what the destination was resolved from.
func (c cells) domain(row string) string {
	if domain := c.tag("dst_domain"); domain != "" && domain != "N/A" {
		return row + "  " + domain
	}
	return row
}

var (
	flowColumns = []int{12, 22, 5, 21, 1, 21, -9, -9, -8, -4, 8}
	flowHeader  = columns(flowColumns, "TIME", "PROCESS", "PROTO", "SOURCE", "", "DESTINATION", "WRITTEN", "READ", "RTT", "RETR", "CONN")
)

func flowRow(clock string, c cells) string {
	rtt := ""
	if us, ok := c.number("rtt"); ok && us > 0 {
		rtt = microsText(us)
	}
	retransmits := ""
	if n, _ := c.number("retransmits"); n > 0 {
		retransmits = strconv.FormatInt(n, 10)
	}
	connections := ""
	if n, _ := c.number("tcp_established"); n > 0 {
		connections += fmt.Sprintf("+%d ", n)
	}
	if n, _ := c.number("tcp_closed"); n > 0 {
		connections += fmt.Sprintf("-%d", n)
	}
	return c.domain(columns(flowColumns, clock, c.process(), c.tag("transport"), c.source(), c.arrow(), c.destination(),
		c.size("bytes_written"), c.size("bytes_read"), rtt, retransmits, connections))
}

var (
	httpColumns = []int{12, 22, 5, 21, 1, 21, -9, -9, -8, -7, 6, 0}
	httpHeader  = columns(httpColumns, "TIME", "PROCESS", "HTTP", "SOURCE", "", "DESTINATION", "WRITTEN", "READ", "LATENCY", "COUNT", "STATUS", "REQUEST")
)

func httpRow(clock string, c cells) string {
	return c.domain(columns(httpColumns, clock, c.process(), c.text("http_version"), c.source(), c.arrow(), c.destination(),
		c.size("bytes_written"), c.size("bytes_read"), c.latency("latency"), c.count("count"), c.count("status_code"),
		c.text("method")+" "+quoteIfNeeded(c.text("path"))))
}

var (
	dnsColumns = []int{12, 22, 5, 21, 1, 21, -9, -9, -8, -7, 0}
	dnsHeader  = columns(dnsColumns, "TIME", "", "PROTO", "SOURCE", "", "DESTINATION", "", "MAX", "LATENCY", "COUNT", "ANSWER")
)

func dnsRow(clock string, c cells) string {
	code, _ := c.number("rcode")
	return c.domain(columns(dnsColumns, clock, "", c.tag("transport"), c.source(), c.arrow(), c.destination(),
		"", c.latency("latency_max"), c.latency("latency"), c.count("count"), rcodeText(code)))
}

// rcodeText names a response code as dig does (IANA's DNS RCODEs).
func rcodeText(code int64) string {
	names := [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
	switch {
	case code == -1:
		return "timeout"
	case code >= 0 && code < int64(len(names)):
		return names[code]
	default:
		return "rcode " + strconv.FormatInt(code, 10)
	}
}
