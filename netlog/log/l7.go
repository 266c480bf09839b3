package log

import (
	"encoding/json"

	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/track"
)

// HTTP notes that a connection speaks HTTP, and which end is the client.
func (l *Log) HTTP(c *track.Conn, client http.Side) {
	l.of(c).http = true
	if c.Opened == track.OpenerUnknown {
		c.Opened = track.OpenedByRemote
		if client == http.Local {
			c.Opened = track.OpenedByLocal
		}
	}
}

// Exchange writes an HTTP exchange of a connection.
func (l *Log) Exchange(c *track.Conn, e *http.Exchange, now int64) {
	if !l.cfg.Allow(now) {
		l.stats.L7Limited++
		return
	}
	l.stats.L7Written++
	l.cfg.Emit(l.l7(l.of(c), e))
}

func (l *Log) l7(s *conn, e *http.Exchange) point.Point {
	tags := []point.Tag{{Key: "l7_traceid", Value: l7TraceID(e)}}
	if e.TraceID != "" {
		tags = append(tags, point.Tag{Key: "trace_id", Value: e.TraceID})
	}
	if e.ParentID != "" {
		tags = append(tags, point.Tag{Key: "parent_id", Value: e.ParentID})
	}
	txSeq, rxSeq, txBytes, rxBytes := e.RequestPos, e.ResponsePos, e.RequestBytes, e.ResponseBytes
	if e.Client == http.Remote {
		txSeq, rxSeq, txBytes, rxBytes = rxSeq, txSeq, rxBytes, txBytes
	}
	fields := make([]point.Field, 0, 16)
	add := func(key string, v point.Value) { fields = append(fields, point.Field{Key: key, Value: v}) }
	add("http_method", point.String(e.Method))
	add("http_path", point.String(e.Path))
	add("http_status_code", point.Int(int64(e.Status)))
	add("http_version", point.String(e.Version))
	add("rx_bytes", point.Int(int64(rxBytes)))
	add("rx_seq", point.Int(int64(uint32(rxSeq))))
	add("tx_bytes", point.Int(int64(txBytes)))
	add("tx_seq", point.Int(int64(uint32(txSeq))))
	cost := func(key string, from, to int64) {
		if from != 0 && to >= from {
			add(key, point.Float(milliseconds(to-from)))
		}
	}
	cost("cost_cnt_dl", e.ResponseStart, e.ResponseEnd)
	cost("cost_req_sent", e.RequestStart, e.RequestEnd)
	cost("cost_resp_wait", e.RequestEnd, e.ResponseStart)
	if e.GRPC {
		add("grpc_status_code", point.Int(int64(e.GRPCStatus)))
	}
	if e.Truncated {
		add("truncated", point.Bool(true))
	}
	add("message", point.String(string(exchangeMessage(s.track, e))))
	at := e.RequestStart
	if at == 0 {
		at = e.ResponseStart
	}
	return point.Point{Measurement: L7Name, Tags: l.tags(s, tags...), Fields: fields, Time: at}
}

// exchangeMessage is the JSON of an exchange.
func exchangeMessage(c *track.Conn, e *http.Exchange) []byte {
	type exchange struct {
		Direction  string `json:"direction"`
		TraceID    string `json:"trace_id,omitempty"`
		ParentID   string `json:"parent_id,omitempty"`
		Version    string `json:"version"`
		Method     string `json:"method"`
		Host       string `json:"host,omitempty"`
		Path       string `json:"path"`
		StatusCode int    `json:"status_code"`
		GRPCStatus *int   `json:"grpc_status,omitempty"`
	}
	x := exchange{
		Direction: "incoming", TraceID: e.TraceID, ParentID: e.ParentID, Version: e.Version,
		Method: e.Method, Host: e.Host, Path: e.Path, StatusCode: e.Status,
	}
	if e.Client == http.Local {
		x.Direction = "outgoing"
	}
	if e.GRPC {
		x.GRPCStatus = &e.GRPCStatus
	}
	text, err := json.Marshal(struct {
		L4Proto string   `json:"l4_proto"`
		L7Proto string   `json:"l7_proto"`
		HTTP    exchange `json:"http"`
	}{l4Proto(c.Proto()), "http", x})
	if err != nil {
		return nil // strings and numbers only: cannot fail
	}
	return text
}
