package logs

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	at := "2016-10-06T00:17:09.669794202Z"
	tests := []struct {
		name, line, text string
		format           Format
		stream           int
		partial, bad     bool
	}{
		{"cri", at + " stdout F hello  world ", "hello  world ", CRI, stdout, false, false},
		{"cri partial", at + " stderr P a", "a", CRI, stderr, true, false},
		{"cri more tags", at + " stderr F:x:y a", "a", CRI, stderr, false, false},
		{"cri empty", at + " stdout F ", "", CRI, stdout, false, false},
		{"cri empty without blank", at + " stdout F", "", CRI, stdout, false, false},
		{"cri terminal", at + " stdout F a\rb\r", "a\rb", CRI, stdout, false, false},
		{"cri piece that ends with a return", at + " stdout P a\r", "a\r", CRI, stdout, true, false},
		{"podman", "2016-10-06T02:17:09.669794202+02:00 stdout F x", "x", CRI, stdout, false, false},
		{"cri without time", "hello world", "", CRI, 0, false, true},
		{"cri stream", at + " stdin F x", "", CRI, 0, false, true},
		{"cri tag", at + " stdout Q x", "", CRI, 0, false, true},
		{"cri nothing", "", "", CRI, 0, false, true},
		{"docker", `{"log":"a\"\u003cb\r\n","stream":"stderr","time":"` + at + `"}`, `a"<b`, Docker, stderr, false, false},
		{"docker partial", `{"log":"a","stream":"stdout","time":"` + at + `"}`, "a", Docker, stdout, true, false},
		{"docker piece that ends with a return", `{"log":"a\r","stream":"stdout","time":"` + at + `"}`, "a\r", Docker, stdout, true, false},
		{"docker with attributes", `{"log":"a\n","stream":"stdout","attrs":{"x":"y"},"time":"` + at + `"}`, "a", Docker, stdout, false, false},
		{"docker torn", `{"log":"a","str`, "", Docker, 0, false, true},
		{"docker stream", `{"log":"a"}`, "", Docker, 0, false, true},
		{"raw", "x y\r", "x y", Raw, stdout, false, false},
	}
	want, _ := time.Parse(time.RFC3339Nano, at)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := parse(tt.format, []byte(tt.line))
			if (err != nil) != tt.bad {
				t.Fatalf("error %v", err)
			}
			if err == nil && (string(r.text) != tt.text || r.stream != tt.stream || r.partial != tt.partial || tt.format != Raw && !r.time.Equal(want)) {
				t.Errorf("got %+v (%q)", r, r.text)
			}
		})
	}
}

func FuzzCRI(f *testing.F) {
	f.Add([]byte("2016-10-06T00:17:09.669794202Z stdout F hello"))
	f.Add([]byte("2016-10-06T00:17:09Z stderr P:x "))
	f.Add([]byte("stdout F"))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parseCRI(line)
		if err == nil && !bytes.HasSuffix(line, r.text) && !bytes.HasSuffix(line, append(bytes.Clone(r.text), '\r')) {
			t.Errorf("text %q is not the end of %q", r.text, line)
		}
	})
}

// What Docker writes is read as it was meant, whatever the text.
func FuzzDocker(f *testing.F) {
	f.Add([]byte(`{"log":"a\n","stream":"stdout","time":"2016-10-06T00:17:09Z"}`), "plain\n")
	f.Add([]byte(`{"log":`), "\x1b[1m\"\\\u2028")
	f.Fuzz(func(t *testing.T, line []byte, text string) {
		_, _ = parseDocker(line)
		text = strings.ToValidUTF8(text, "?")
		line, err := json.Marshal(map[string]any{"log": text + "\n", "stream": "stderr", "time": time.Unix(1, 0)})
		if err != nil {
			t.Skip()
		}
		r, err := parseDocker(line)
		if err != nil || r.stream != stderr || r.partial || string(r.text) != strings.TrimSuffix(text, "\r") {
			t.Errorf("%q: got %+v %q, %v", text, r, r.text, err)
		}
	})
}

func TestAssembler(t *testing.T) {
	at := time.Unix(100, 0)
	tests := []struct {
		name  string
		rules rules
		lines []string // "P:" begins one that goes on
		want  []string
	}{
		{"single lines", rules{max: 100}, []string{"a", " b", "c"}, []string{"a", " b", "c"}},
		{"partial", rules{max: 100}, []string{"P:a", "P:b", "c", "d"}, []string{"abc", "d"}},
		{"white space goes on", rules{max: 100, auto: true}, []string{"Error", "\tat x", "  at y", "next"}, []string{"Error\n\tat x\n  at y", "next"}},
		{"dates begin", rules{max: 100, auto: true}, []string{"2026-01-02 a", "Caused by", "2026-01-02 b", "x"}, []string{"2026-01-02 a\nCaused by", "2026-01-02 b\nx"}},
		{"no dates", rules{max: 100, auto: true}, []string{"a", "b"}, []string{"a", "b"}},
		{"own rule", rules{max: 100, start: dated}, []string{"x", "2026-01-02 a", "b"}, []string{"x", "2026-01-02 a\nb"}},
		{"long line is cut", rules{max: 3}, []string{"abcdef", "x"}, []string{"abc", "x"}},
		{"long entry is split", rules{max: 5, auto: true}, []string{"ab", " c", " d", "e"}, []string{"ab\n c", " d", "e"}},
		{"partial of many lines", rules{max: 100, auto: true}, []string{"P:a", " b", " c"}, []string{"a b\n c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := assembler{rules: tt.rules}
			var got []string
			emit := func(e entry) { got = append(got, string(e.text)) }
			for i, l := range tt.lines {
				text, partial := strings.CutPrefix(l, "P:")
				a.add(record{text: []byte(text), partial: partial}, int64(i), at, emit)
			}
			a.flush(emit)
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
