package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Format is how a runtime writes lines to a file.
type Format int

// The formats.
const (
	Raw    Format = iota // what the container wrote, nothing added
	CRI                  // Kubernetes, Podman: "2016-10-06T00:17:09.669794202Z stdout F text"
	Docker               // json-file: {"log":"text\n","stream":"stdout","time":"2016-10-06T00:17:09.669794202Z"}
)

// Streams of a container, as indices.
const (
	stdout = iota
	stderr
	streams
)

// record is one line of a file.
type record struct {
	time    time.Time // zero in the raw format
	stream  int
	text    []byte
	partial bool // the next record of the stream goes on with the same line
}

// parse reads one line, without its line end. The text may share its memory.
func parse(f Format, line []byte) (record, error) {
	switch f {
	case CRI:
		return parseCRI(line)
	case Docker:
		return parseDocker(line)
	default:
		return record{text: line}.trimmed(), nil
	}
}

// trimmed is a record without the carriage return of a line that ends with
// one, as those of terminals do.
func (r record) trimmed() record {
	if !r.partial {
		r.text = bytes.TrimSuffix(r.text, []byte("\r"))
	}
	return r
}

// parseCRI reads "time stream tags text" (kubernetes/design-proposals
// node/kubelet-cri-logging.md). The first of the tags, separated by colons,
// says whether the line is complete: F or P.
func parseCRI(line []byte) (r record, err error) {
	stamp, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return r, fmt.Errorf("no stream in a CRI line")
	}
	if r.time, err = time.Parse(time.RFC3339Nano, string(stamp)); err != nil {
		return r, fmt.Errorf("time of a CRI line: %w", err)
	}
	name, rest, _ := bytes.Cut(rest, []byte(" "))
	if r.stream, ok = streamOf(string(name)); !ok {
		return r, fmt.Errorf("a CRI line has no stream %.20q", name)
	}
	tags, text, _ := bytes.Cut(rest, []byte(" "))
	tag, _, _ := bytes.Cut(tags, []byte(":"))
	switch string(tag) {
	case "P":
		r.partial = true
	case "F":
	default:
		return r, fmt.Errorf("a CRI line has no tag %.20q", tags)
	}
	r.text = text
	return r.trimmed(), nil
}

// parseDocker reads a line of the driver json-file. Docker cuts long lines;
// what is not the end of one has no line break.
func parseDocker(line []byte) (record, error) {
	var in struct {
		Log    string    `json:"log"`
		Stream string    `json:"stream"`
		Time   time.Time `json:"time"`
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return record{}, fmt.Errorf("a line of Docker: %w", err)
	}
	stream, ok := streamOf(in.Stream)
	if !ok {
		return record{}, fmt.Errorf("a line of Docker has no stream %.20q", in.Stream)
	}
	text, complete := bytes.CutSuffix([]byte(in.Log), []byte("\n"))
	return record{time: in.Time, stream: stream, text: text, partial: !complete}.trimmed(), nil
}

func streamOf(name string) (int, bool) {
	switch name {
	case "stdout":
		return stdout, true
	case "stderr":
		return stderr, true
	}
	return 0, false
}

func streamName(s int) string {
	if s == stderr {
		return "stderr"
	}
	return "stdout"
}
