package supervisor

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func newRelay() (*relay, *logBuffer) {
	b := &logBuffer{}
	log := slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	return &relay{log: log, now: func() time.Time { return time.Unix(100, 0) }, plain: slog.LevelInfo}, b
}

func TestRelayKeepsLevels(t *testing.T) {
	for line, want := range map[string]string{
		`{"@level":"debug","@message":"m","@timestamp":"x"}`:                  "level=DEBUG msg=m",
		`{"@level":"trace","@message":"m"}`:                                   "level=DEBUG msg=m",
		`{"@level":"info","@message":"m","plugin":"ebpf-net","n":4026532529}`: "level=INFO msg=m n=4026532529 plugin=ebpf-net",
		`{"@level":"warn","@message":"m"}`:                                    "level=WARN msg=m",
		`{"@level":"error","@message":"m"}`:                                   "level=ERROR msg=m",
		`{"@level":7,"@message":"m"}`:                                         "level=INFO msg=m",
		`{"@level":"warn","@message":["m"]}`:                                  `level=INFO msg="{\"@level\":\"warn\",\"@message\":[\"m\"]}"`,
		`{"@level":"warn"`:                                                    `level=INFO msg="{\"@level\":\"warn\""`,
		`hello`:                                                               "level=INFO msg=hello",
		`panic: runtime error: index out of range [3] with length 2`:          `level=ERROR msg="panic: runtime error: index out of range [3] with length 2"`,
	} {
		r, b := newRelay()
		r.copy(strings.NewReader(line + "\n"))
		if got := strings.TrimSpace(b.String()); got != want {
			t.Errorf("%s\nwas logged as %s\nwant          %s", line, got, want)
		}
	}
}

func TestRelayRemembersLastWords(t *testing.T) {
	r, _ := newRelay()
	r.copy(strings.NewReader("hi\n{\"@level\":\"error\",\"@message\":\"first\"}\npanic: second\n\ngoroutine 1 [running]:\nmain.main()\n"))
	if got := r.finish(); got != "panic: second" {
		t.Errorf("last words are %q", got)
	}
}

func TestRelayCutsLongLines(t *testing.T) {
	r, b := newRelay()
	r.copy(strings.NewReader(strings.Repeat("x", 10*maxLine) + "\nnext"))
	if len(b.String()) > maxLine+200 || !strings.Contains(b.String(), "msg=next") {
		t.Errorf("%d bytes of log", len(b.String()))
	}
}

func TestRelayCountsWhatItLeavesOut(t *testing.T) {
	r, b := newRelay()
	now := time.Unix(100, 0)
	r.now = func() time.Time { return now }
	for i := range linesPerPeriod + 7 {
		r.line(fmt.Sprint("line ", i))
	}
	now = now.Add(relayPeriod)
	r.line("later")
	out := b.String()
	if n := strings.Count(out, "\n"); n != linesPerPeriod+2 {
		t.Errorf("%d lines were logged", n)
	}
	if !strings.Contains(out, "lines=7") || !strings.HasSuffix(out, "msg=later\n") {
		t.Errorf("the end of the log is %q", out[len(out)-200:])
	}
}

func FuzzRelay(f *testing.F) {
	f.Add([]byte(`{"@level":"warn","@message":"m","k":{"a":[1,null]}}` + "\npanic: x\n"))
	f.Add([]byte(`{"@message":5,"@level":{},"@timestamp":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, b := newRelay()
		r.copy(strings.NewReader(string(data)))
		r.finish()
		if lines := strings.Count(b.String(), "\n"); lines > linesPerPeriod+1 {
			t.Errorf("%d lines were logged", lines)
		}
	})
}
