package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"compress/flate"
	"compress/gzip"
	"compress/zlib"

	"github.com/klauspost/compress/zstd"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

func TestWrite(t *testing.T) {
	const line = "m,t=a f=1i,s=\"x y\" 1700000000000000000\n"
	tests := map[string]struct {
		target, contentType, body string
		status                    int
		answer                    string // "" means an empty body
		stored                    string // "" means nothing was stored
		ignoreTags                bool
	}{
		"lines":               {target: "network", body: line, status: 200, stored: line},
		"any content type":    {target: "network", contentType: "text/plain", body: line, status: 200, stored: line},
		"named input":         {target: "network?input=ebpf-net/netflow", body: line, status: 200, stored: line},
		"no line end":         {target: "network", body: strings.TrimSpace(line), status: 200, stored: line},
		"seconds are guessed": {target: "network", body: "m f=1 1700000000", status: 200, stored: "m f=1 1700000000000000000\n"},
		"ms are guessed":      {target: "network", body: "m f=1 1700000000000", status: 200, stored: "m f=1 1700000000000000000\n"},
		"µs are guessed":      {target: "network", body: "m f=1 1700000000000000", status: 200, stored: "m f=1 1700000000000000000\n"},
		"precision n":         {target: "network?precision=n", body: "m f=1 1700000000", status: 200, stored: "m f=1 1700000000\n"},
		"precision u":         {target: "network?precision=u", body: "m f=1 17", status: 200, stored: "m f=1 17000\n"},
		"precision ms":        {target: "network?precision=ms", body: "m f=1 17", status: 200, stored: "m f=1 17000000\n"},
		"precision s":         {target: "network?precision=s", body: "m f=1 17", status: 200, stored: "m f=1 17000000000\n"},
		"precision m":         {target: "network?precision=m", body: "m f=1 1", status: 200, stored: "m f=1 60000000000\n"},
		"precision h":         {target: "network?precision=h", body: "m f=1 1", status: 200, stored: "m f=1 3600000000000\n"},
		"precision unknown":   {target: "network?precision=week", body: "m f=1 17", status: 200, stored: "m f=1 17\n"},
		"no time":             {target: "network", body: "m f=1", status: 200, stored: "m f=1 42\n"},
		"no global tags":      {target: "network?ignore_global_host_tags=false", body: line, status: 200, stored: line, ignoreTags: true},
		"no global tags, old": {target: "network?ignore_global_tags=1", body: line, status: 200, stored: line, ignoreTags: true},
		"global tags":         {target: "network?ignore_global_host_tags=", body: line, status: 200, stored: line},
		"election arguments":  {target: "network?global_election_tags=1&version=2&source=x&storage_index=y", body: line, status: 200, stored: line},
		"metric drops text":   {target: "metric", body: line, status: 200, stored: "m,t=a f=1i 1700000000000000000\n"},
		"logging, dots":       {target: "logging", body: "m a.b=1,status=\"ok\" 1700000000000000000\n", status: 200, stored: "m a_b=1,status=\"ok\" 1700000000000000000\n"},

		"profiling":        {target: "profiling", body: line, status: 400, answer: `datakit.invalidCategory: unknown category "profiling"`},
		"unknown category": {target: "nope", body: line, status: 400, answer: `datakit.invalidCategory: unknown category "nope"`},
		"empty":            {target: "network", status: 400, answer: `datakit.emptyBody: the body is empty`},
		"only a comment":   {target: "network", body: "# hello\n\n", status: 400, answer: `datakit.noPoints: the body has no points`},
		"one bad line": {target: "network", body: "m f=1 1\nm,t= f=1 2\nm f=3 3\n", status: 400,
			answer: `datakit.invalidLinePoint: line 2, column 5: want a tag value`},
		"one bad line, dry": {target: "network?dry=1", body: "m f=1 1\nm,t= f=1 2\nm f=3 3\n", status: 400,
			answer: `datakit.invalidLinePoint: line 2, column 5: want a tag value`},
		"protobuf": {target: "network", contentType: "application/protobuf; proto=com.guance.Point", body: line, status: 415,
			answer: `datakit.unsupportedContentType: application/protobuf is not supported, want line protocol or application/json`},
		"echo unknown": {target: "network?echo=xml", body: line, status: 400, answer: `datakit.invalidEcho: echo is "xml", want lp or json`},

		"dry":               {target: "network?dry=1", body: line, status: 200},
		"dry and strict":    {target: "metric?dry=1&strict=1", body: line, status: 400, answer: `datakit.pointGotWarning: invalid_field_type: field "s" is a string, which this category does not have; it is dropped`},
		"strict":            {target: "metric?strict=1", body: line, status: 400, answer: `datakit.pointGotWarning: invalid_field_type: field "s" is a string, which this category does not have; it is dropped`},
		"strict, content":   {target: "network?strict=false", body: line, status: 200, stored: line},
		"echo lp":           {target: "metric?echo=lp", body: line, status: 200, stored: "m,t=a f=1i 1700000000000000000\n", answer: `{"content":"m,t=a f=1i 1700000000000000000"}`},
		"echo lp, old":      {target: "network?echo_line_proto=1", body: "m f=1 1700000000", status: 200, stored: "m f=1 1700000000000000000\n", answer: `{"content":"m f=1 1700000000000000000"}`},
		"echo json":         {target: "network?echo=json", body: line, status: 200, stored: line, answer: `{"content":[{"measurement":"m","tags":{"t":"a"},"fields":{"f":1,"s":"x y"},"time":1700000000000000000}]}`},
		"echo json, old":    {target: "network?echo_json=1", body: "m a=1u,b=t,c=1.5 1", status: 200, stored: "m a=1u,b=t,c=1.5 1000000000\n", answer: `{"content":[{"measurement":"m","tags":{},"fields":{"a":1,"b":true,"c":1.5},"time":1000000000}]}`},
		"echo and dry":      {target: "network?echo=lp&dry=1", body: line, status: 200, answer: `{"content":"m,t=a f=1i,s=\"x y\" 1700000000000000000"}`},
		"echo without time": {target: "network?echo=lp&dry=1", body: "m f=1", status: 200, answer: `{"content":"m f=1 1767323045000000000"}`},

		"json": {target: "network", contentType: "application/json; charset=utf-8", status: 200,
			body:   `[{"measurement":"m","tags":{"t":"a"},"fields":{"f":1,"s":"x y","b":true,"g":1.5},"time":1700000000},` + "\n" + `{"measurement":"n","fields":{"f":-2},"time":1700000001,"other":{"a":[1]}}]`,
			stored: "m,t=a f=1,s=\"x y\",b=true,g=1.5 1700000000000000000\nn f=-2 1700000001000000000\n"},
		"json precision":   {target: "network?precision=ms", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1},"time":1.7e3}]`, status: 200, stored: "m f=1 1700000000\n"},
		"json no time":     {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1}}]`, status: 200, stored: "m f=1 1767323045000000000\n"},
		"json epoch":       {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1},"time":0}]`, status: 200, stored: "m f=1 0\n"},
		"json null field":  {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1,"g":null},"time":null}]`, status: 200, stored: "m f=1 1767323045000000000\n"},
		"json no name":     {target: "network", contentType: "application/json", body: `[{"fields":{"f":1},"time":0}]`, status: 200, stored: "__default f=1 0\n"},
		"json strict":      {target: "network?strict=1", contentType: "application/json", body: `[{"fields":{"f":1},"time":0}]`, status: 400, answer: `datakit.pointGotWarning: invalid_measurement: measurement is empty, "__default" is used`},
		"json echo":        {target: "network?echo=json&dry=1", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":"ü\n"},"time":1}]`, status: 200, answer: `{"content":[{"measurement":"m","tags":{},"fields":{"f":"ü\n"},"time":1000000000}]}`},
		"json syntax":      {target: "network", contentType: "application/json", body: "[\n {\"measurement\":\"m\" \"fields\"}]", status: 400, answer: `datakit.invalidJsonPoint: line 2, column 21: invalid character '"' after object key:value pair`},
		"json cut":         {target: "network", contentType: "application/json", body: `[{"measurement":"m"`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 20: unexpected EOF`},
		"json no array":    {target: "network", contentType: "application/json", body: `{"measurement":"m"}`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 2: want an array of points`},
		"json no fields":   {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1}},{"measurement":"m"}]`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 58: want at least one field`},
		"json tag number":  {target: "network", contentType: "application/json", body: `[{"measurement":"m","tags":{"a":1},"fields":{"f":1}}]`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 34: want a string as value of tag "a"`},
		"json field array": {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":[1]}}]`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 36: want a number, a string, true, false or null as field "f"`},
		"json huge number": {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1e999}}]`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 40: want a number of 64-bit floating point as field "f"`},
		"json time":        {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1},"time":"now"}]`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 50: want an integer as time`},
		"json time range":  {target: "network?precision=h", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1},"time":99999999999}]`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 56: want a time between the years 1677 and 2262`},
		"json time part":   {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1},"time":1.5}]`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 48: want a 64-bit integer as time`},
		"json more":        {target: "network", contentType: "application/json", body: `[{"measurement":"m","fields":{"f":1}}] []`, status: 400, answer: `datakit.invalidJsonPoint: line 1, column 41: want nothing behind the array of points`},
		"json none":        {target: "network", contentType: "application/json", body: `[]`, status: 400, answer: `datakit.noPoints: the body has no points`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var w recorder
			r := request("POST", "/v1/write/"+test.target, test.body)
			r.Header.Set("Content-Type", test.contentType)
			reply := do(newTestAPI(t, testConfig(&w)), r)
			if reply.StatusCode != test.status {
				t.Errorf("status = %d, want %d", reply.StatusCode, test.status)
			}
			want := test.answer
			if code, message, ok := strings.Cut(want, ": "); ok && strings.HasPrefix(want, "datakit.") {
				want = fmt.Sprintf(`{"error_code":%q,"message":%s}`, code, appendQuoted(nil, message))
			}
			if got := text(t, reply); got != want {
				t.Errorf("answer = %s\nwant     %s", got, want)
			}
			var stored string
			for _, s := range w.all() {
				if s.points > 0 {
					stored += s.text
				}
				if s.lines.IgnoreGlobalTags != test.ignoreTags {
					t.Errorf("IgnoreGlobalTags = %v", s.lines.IgnoreGlobalTags)
				}
			}
			if stored != test.stored {
				t.Errorf("stored = %q\nwant     %q", stored, test.stored)
			}
		})
	}
}

// Every category of the specification is accepted and arrives as such.
func TestWriteCategories(t *testing.T) {
	for _, name := range strings.Fields("metric logging object network tracing keyevent custom_object security rum") {
		var w recorder
		reply := do(newTestAPI(t, testConfig(&w)), request("POST", "/v1/write/"+name, "m f=1 1"))
		if got := w.all(); reply.StatusCode != 200 || len(got) != 1 || got[0].category.String() != name {
			t.Errorf("%s: status %d, stored %+v", name, reply.StatusCode, got)
		}
	}
}

func TestWriteEncodings(t *testing.T) {
	plain := []byte(strings.Repeat("m,t=a f=1i 1700000000000000000\n", 20000)) // larger than a small buffer
	pack := map[string]func(io.Writer) io.WriteCloser{
		"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"zlib": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"flate": func(w io.Writer) io.WriteCloser {
			f, err := flate.NewWriter(w, 6)
			if err != nil {
				t.Fatal(err)
			}
			return f
		},
		"zstd": func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			return z
		},
	}
	gzipped := compressed(t, pack["gzip"], plain)
	tests := map[string]struct {
		header, arg string
		body        []byte
		status      int
	}{
		"identity":       {"identity", "", plain, 200},
		"gzip":           {"gzip", "", gzipped, 200},
		"x-gzip":         {"X-GZip", "", gzipped, 200},
		"gzip by arg":    {"", "gzip", gzipped, 200},
		"arg wins":       {"zstd", "gzip", gzipped, 200},
		"gzip members":   {"gzip", "", append(compressed(t, pack["gzip"], plain[:310]), compressed(t, pack["gzip"], plain[310:])...), 200},
		"deflate, zlib":  {"deflate", "", compressed(t, pack["zlib"], plain), 200},
		"deflate, bare":  {"deflate", "", compressed(t, pack["flate"], plain), 200},
		"zstd":           {"zstd", "", compressed(t, pack["zstd"], plain), 200},
		"brotli":         {"br", "", plain, 400},
		"not gzip":       {"gzip", "", plain, 400},
		"not deflate":    {"deflate", "", []byte{0x78, 0x9c, 1, 2, 3, 4, 5, 6}, 400},
		"not zstd":       {"zstd", "", plain, 400},
		"cut gzip":       {"gzip", "", gzipped[:len(gzipped)-9], 400},
		"corrupt gzip":   {"gzip", "", append(bytes.Clone(gzipped[:len(gzipped)-8]), make([]byte, 8)...), 400},
		"empty gzip":     {"gzip", "", nil, 400},
		"empty deflate":  {"deflate", "", nil, 400},
		"empty contents": {"gzip", "", compressed(t, pack["gzip"], nil), 400},
	}
	var w recorder
	api := newTestAPI(t, testConfig(&w)) // shared: what bad input leaves in a pooled decoder would show
	for round := range 2 {
		for name, test := range tests {
			t.Run(fmt.Sprint(name, round), func(t *testing.T) {
				before := len(w.all())
				r := httptest.NewRequest("POST", "/v1/write/metric?encoding="+test.arg, bytes.NewReader(test.body))
				r.RemoteAddr = "127.0.0.1:1"
				r.Header.Set("Content-Encoding", test.header)
				reply := do(api, r)
				if reply.StatusCode != test.status {
					t.Errorf("status = %d %s, want %d", reply.StatusCode, text(t, reply), test.status)
				}
				got := w.all()[before:]
				if test.status == 200 && (len(got) != 1 || got[0].text != string(plain)) {
					t.Errorf("stored %d bodies; content differs", len(got))
				}
				if test.status != 200 && len(got) != 0 {
					t.Errorf("stored %d bodies of a refused request", len(got))
				}
			})
		}
	}
}

// A body is bounded by its content, however small it comes.
func TestWriteBodyLimit(t *testing.T) {
	const limit = 100 << 10
	line := []byte("m f=1 1700000000000000000\n")
	fits := bytes.Repeat(line, limit/len(line))
	over := bytes.Repeat(line, limit/len(line)+1)
	pack := func(b []byte) []byte {
		return compressed(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, b)
	}
	bomb := pack(make([]byte, 64<<20))
	tests := map[string]struct {
		body     []byte
		encoding string
		chunked  bool
		status   int
	}{
		"fits":          {fits, "", false, 200},
		"over":          {over, "", false, 413},
		"fits, chunked": {fits, "", true, 200},
		"over, chunked": {over, "", true, 413},
		"fits, gzip":    {pack(fits), "gzip", false, 200},
		"over, gzip":    {pack(over), "gzip", true, 413},
		"bomb":          {bomb, "gzip", false, 413},
	}
	cfg := testConfig(&recorder{})
	cfg.MaxBody = limit
	api := newTestAPI(t, cfg)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var body io.Reader = bytes.NewReader(test.body)
			if test.chunked {
				body = io.MultiReader(body) // hides the length
			}
			r := httptest.NewRequest("POST", "/v1/write/metric", body)
			r.RemoteAddr = "127.0.0.1:1"
			r.Header.Set("Content-Encoding", test.encoding)
			if reply := do(api, r); reply.StatusCode != test.status {
				t.Errorf("status = %d %s, want %d", reply.StatusCode, text(t, reply), test.status)
			}
		})
	}
	if !api.bodies.space.TryAcquire(api.bodies.total) {
		t.Error("room for bodies was not given back")
	}
}

// JSON that grows when it becomes line protocol stays within the bound too.
func TestWriteJSONLimit(t *testing.T) {
	cfg := testConfig(&recorder{})
	cfg.MaxBody = 1000
	r := request("POST", "/v1/write/network", "["+strings.Repeat(`{"fields":{"f":1}},`, 51)+`{"fields":{"f":1}}]`)
	r.Header.Set("Content-Type", "application/json")
	if reply := do(newTestAPI(t, cfg), r); reply.StatusCode != 413 {
		t.Errorf("status = %d, want 413", reply.StatusCode)
	}
}

func TestWriteFailures(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		after  string
		code   string
	}{
		"full":      {fmt.Errorf("put: %w", queue.ErrFull), 429, "2", "datakit.queueFull"},
		"disk":      {fmt.Errorf("put: %w", queue.ErrStorage), 503, "5", "datakit.notStored"},
		"stopping":  {queue.ErrClosed, 503, "5", "datakit.notStored"},
		"unknown":   {errors.New("boom"), 503, "5", "datakit.notStored"},
		"too large": {queue.ErrTooLarge, 413, "", "datakit.bodyTooLarge"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reply := do(newTestAPI(t, testConfig(&recorder{err: test.err})), request("POST", "/v1/write/metric", "m f=1 1"))
			if got := text(t, reply); reply.StatusCode != test.status || !strings.Contains(got, `"`+test.code+`"`) {
				t.Errorf("%d %s, want %d %s", reply.StatusCode, got, test.status, test.code)
			}
			if got := reply.Header.Get("Retry-After"); got != test.after {
				t.Errorf("Retry-After = %q, want %q", got, test.after)
			}
		})
	}
}

// badReader fails as a connection does.
type badReader struct{ err error }

func (r badReader) Read([]byte) (int, error) { return 0, r.err }

func TestWriteConnectionErrors(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
	}{"timeout": {os.ErrDeadlineExceeded, 408}, "cut": {io.ErrUnexpectedEOF, 400}} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/v1/write/metric", badReader{test.err})
			r.RemoteAddr = "127.0.0.1:1"
			if reply := do(newTestAPI(t, testConfig(&recorder{})), r); reply.StatusCode != test.status {
				t.Errorf("status = %d, want %d", reply.StatusCode, test.status)
			}
		})
	}
}

// Bodies that cannot get the room they grow into are sent away, not queued:
// they hold room that others wait for.
func TestWriteCrowded(t *testing.T) {
	api := newTestAPI(t, testConfig(&recorder{}))
	if !api.bodies.space.TryAcquire(api.bodies.total - minBuffer) {
		t.Fatal("room is taken")
	}
	r := httptest.NewRequest("POST", "/v1/write/metric", io.MultiReader(strings.NewReader(strings.Repeat("m f=1\n", 20000))))
	r.RemoteAddr = "127.0.0.1:1"
	reply := do(api, r)
	if reply.StatusCode != 503 || reply.Header.Get("Retry-After") != "1" {
		t.Errorf("status = %d, Retry-After %q", reply.StatusCode, reply.Header.Get("Retry-After"))
	}
}

// A request that waits for room gives up with its context.
func TestWriteWaitsForRoom(t *testing.T) {
	api := newTestAPI(t, testConfig(&recorder{}))
	if !api.bodies.space.TryAcquire(api.bodies.total) {
		t.Fatal("room is taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if reply := do(api, request("POST", "/v1/write/metric", "m f=1").WithContext(ctx)); reply.StatusCode != 408 {
		t.Errorf("status = %d, want 408", reply.StatusCode)
	}
}

// Bodies of concurrent posts never mix.
func TestWriteConcurrently(t *testing.T) {
	var w recorder
	api := newTestAPI(t, testConfig(&w))
	const clients, posts = 8, 20
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for p := range posts {
				body := strings.Repeat(fmt.Sprintf("m,client=c%d f=%d 1700000000000000000\n", c, p), 50+c*100)
				if reply := do(api, request("POST", "/v1/write/metric", body)); reply.StatusCode != http.StatusOK {
					t.Errorf("status = %d", reply.StatusCode)
				}
			}
		})
	}
	all.Wait()
	seen := map[string]int{}
	for _, s := range w.all() {
		first, _, _ := strings.Cut(s.text, "\n")
		if strings.Count(s.text, first+"\n") != s.points {
			t.Fatalf("a body of %d points holds lines of another", s.points)
		}
		seen[first]++
	}
	if len(seen) != clients*posts {
		t.Errorf("%d different bodies arrived, want %d", len(seen), clients*posts)
	}
}

// A body whose post failed is not recycled: the writer may still read it.
func TestWriteKeepsFailedBodies(t *testing.T) {
	w := &keeper{}
	api := newTestAPI(t, testConfig(w))
	do(api, request("POST", "/v1/write/metric", "kept f=1 1"))
	do(api, request("POST", "/v1/write/metric", "other f=2 2"))
	if got := string(w.kept); got != "kept f=1 1" {
		t.Errorf("the body of a failed post became %q", got)
	}
}

type keeper struct{ kept []byte }

func (k *keeper) Lines(_ context.Context, _ point.Category, l Lines) (int, error) {
	if k.kept == nil {
		k.kept = l.Body
		return 0, context.DeadlineExceeded
	}
	return 1, nil
}
