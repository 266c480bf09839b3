package httpapi

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"datakit.dev/agent/internal/point"
)

// FuzzWriteLines compares what the API accepts, and what it stores, with the
// reference decoder of line protocol.
func FuzzWriteLines(f *testing.F) {
	for _, seed := range []string{
		"m,t=a f=1i,s=\"x y\" 1700000000000000000\n", "m f=1", "m f=1 1\nm,t= f=1", "# c\n", "m f=t,g=-1.5e3,h=5u\r\n", "m\\ a,b\\==c f=\"\\\"\"",
		"m f=1 9223372036854775807", "m f=1 9223372036854775808", "m f=1 -",
	} {
		f.Add([]byte(seed), uint8(point.Network), "")
		f.Add([]byte(seed), uint8(point.Logging), "strict=1&echo=json")
		f.Add([]byte(seed), uint8(point.Metric), "echo=lp&precision=ms")
	}
	f.Fuzz(func(t *testing.T, body []byte, category uint8, query string) {
		want, points := decodes(body)
		var w recorder
		api := newTestAPI(t, testConfig(&w))
		r := request("POST", "/v1/write/metric", string(body))
		r.URL.Path, r.URL.RawQuery = "/v1/write/"+point.Category(category).String(), query
		reply := do(api, r)
		checkReply(t, reply.StatusCode, text(t, reply), w.all())
		if r.URL.RawQuery == "" && category == uint8(point.Network) {
			if got := reply.StatusCode == 200; got != (want && points > 0) {
				t.Errorf("accepted %v; the reference decoder says valid %v with %d points: %q", got, want, points, body)
			}
		}
	})
}

// FuzzWriteJSON checks that what is not JSON is refused, and that what is
// accepted becomes line protocol.
func FuzzWriteJSON(f *testing.F) {
	for _, seed := range []string{
		`[{"measurement":"m","tags":{"t":"a"},"fields":{"f":1,"s":"x y","b":true,"n":null},"time":1700000000}]`,
		`[{"fields":{"f":1e999}}]`, `[]`, `{}`, `[{"measurement":"m","fields":{"a.b":"\u0000"},"time":0}, 1]`,
	} {
		f.Add([]byte(seed), uint8(point.Network), "echo=json")
		f.Add([]byte(seed), uint8(point.Object), "")
	}
	f.Fuzz(func(t *testing.T, body []byte, category uint8, query string) {
		var w recorder
		api := newTestAPI(t, testConfig(&w))
		r := request("POST", "/v1/write/metric", string(body))
		r.Header.Set("Content-Type", "application/json")
		r.URL.Path, r.URL.RawQuery = "/v1/write/"+point.Category(category).String(), query
		reply := do(api, r)
		checkReply(t, reply.StatusCode, text(t, reply), w.all())
		if reply.StatusCode == 200 && !json.Valid(body) {
			t.Errorf("accepted %q, which is not JSON", body)
		}
	})
}

// checkReply checks that an answer has the documented form and that nothing
// was stored without 200.
func checkReply(t *testing.T, status int, answer string, got []stored) {
	t.Helper()
	switch {
	case status != 200:
		var e errorBody
		if err := json.Unmarshal([]byte(answer), &e); err != nil || e.Code == "" {
			t.Errorf("%d with body %q", status, answer)
		}
		for _, s := range got {
			if s.points > 0 {
				t.Errorf("%d, but stored %q", status, s.text)
			}
		}
	case answer != "" && !json.Valid([]byte(answer)):
		t.Errorf("echo is not JSON: %q", answer)
	}
	for _, s := range got {
		if valid, _ := decodes([]byte(s.text)); !valid {
			t.Errorf("stored %q, which is not line protocol", s.text)
		}
	}
}

// decodes asks the reference decoder.
func decodes(body []byte) (valid bool, points int) {
	d := lineprotocol.NewDecoderWithBytes(body)
	for d.Next() {
		if _, err := d.Measurement(); err != nil {
			return false, points
		}
		for {
			key, _, err := d.NextTag()
			if err != nil {
				return false, points
			}
			if key == nil {
				break
			}
		}
		for {
			key, _, err := d.NextField()
			if err != nil {
				return false, points
			}
			if key == nil {
				break
			}
		}
		// Any integer of 64 bits is a time; what it means is our own rule.
		if _, err := d.Time(lineprotocol.Nanosecond, time.Time{}); err != nil {
			return false, points
		}
		points++
	}
	return true, points
}
