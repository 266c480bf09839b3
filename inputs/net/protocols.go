package net

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// protocols makes the point of the counters of TCP and UDP.
func (in *input) protocols(elapsed time.Duration) (point.Point, error) {
	data, err := in.file.Read(procfs.NetFile(in.env.FS, "snmp"))
	if err != nil {
		return point.Point{}, err
	}
	values, err := parseSNMP(data)
	if err != nil {
		return point.Point{}, err
	}
	before := in.oldProto
	in.oldProto = values
	p := point.Point{Tags: []point.Tag{{Key: "interface", Value: "all"}}, Fields: make([]point.Field, 0, len(protocolCounters)+4)}
	for _, c := range protocolCounters {
		v, ok := values[c.Key]
		if !ok {
			continue // a kernel that does not count it
		}
		was, known := before[c.Key]
		since := elapsed
		if !known {
			since = 0
		}
		p.Fields = c.Append(p.Fields, was, v, since)
	}
	return p, nil
}

// parseSNMP reads the lines of TCP and UDP of /proc/net/snmp: pairs of lines,
// one of names and one of numbers, after RFC 1213. Keys are protocol and name
// in lower case, "tcp_insegs". tcp_maxconn is -1 where it is dynamic.
func parseSNMP(data []byte) (map[string]int64, error) {
	values := map[string]int64{}
	for len(data) > 0 {
		var names, numbers []byte
		names, data = procfs.Line(data)
		if !bytes.HasPrefix(names, []byte("Tcp: ")) && !bytes.HasPrefix(names, []byte("Udp: ")) {
			continue
		}
		numbers, data = procfs.Line(data)
		protocol, names := procfs.Word(names)
		again, numbers := procfs.Word(numbers)
		if !bytes.Equal(protocol, again) {
			return nil, fmt.Errorf("read snmp: %q is followed by %q", protocol, again)
		}
		prefix := strings.ToLower(strings.TrimSuffix(string(protocol), ":")) + "_"
		for {
			var name, number []byte
			name, names = procfs.Word(names)
			number, numbers = procfs.Word(numbers)
			if len(name) == 0 && len(number) == 0 {
				break
			}
			n, err := strconv.ParseInt(string(number), 10, 64)
			if err != nil || len(name) == 0 {
				return nil, fmt.Errorf("read snmp: %s%s is %q", prefix, name, number)
			}
			values[prefix+strings.ToLower(string(name))] = n
		}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("read snmp: neither Tcp nor Udp")
	}
	return values, nil
}
