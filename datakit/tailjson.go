package main

import (
	"bufio"
	"encoding/json"

	"datakit.dev/agent/internal/point"
)

// jsonPrinter writes one object per line.
type jsonPrinter struct{}

type jsonPoint struct {
	Category    string            `json:"category"`
	Measurement string            `json:"measurement"`
	Tags        map[string]string `json:"tags"`
	Fields      map[string]any    `json:"fields"`
	Time        int64             `json:"time"` // nanoseconds since the Unix epoch
}

func (jsonPrinter) print(w *bufio.Writer, c point.Category, p *point.Point, _ []byte) error {
	out := jsonPoint{
		Category: c.String(), Measurement: p.Measurement, Time: p.Time,
		Tags: make(map[string]string, len(p.Tags)), Fields: make(map[string]any, len(p.Fields)),
	}
	for _, t := range p.Tags {
		out.Tags[t.Key] = t.Value
	}
	for _, f := range p.Fields {
		out.Fields[f.Key] = native(f.Value)
	}
	line, err := json.Marshal(out)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
