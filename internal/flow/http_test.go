package flow

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"datakit.dev/agent/internal/point"
)

// path makes a request for another path.
func path(p string) func(*HTTP) { return func(x *HTTP) { x.Path = p } }

// stringField reads a field of a point, "" when it has none.
func stringField(p point.Point, key string) string {
	for _, f := range p.Fields {
		if f.Key == key {
			return f.Value.AsString()
		}
	}
	return ""
}

func TestPointOfOneExchange(t *testing.T) {
	tests := []struct {
		name   string
		cfg    HTTPConfig
		change func(*HTTP)
		fields string
	}{
		{"plain", HTTPConfig{}, path("/a"),
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="1.1",latency=1000000i,method="GET",path="/a",status_code=200i,truncated=false`},
		{"a query is not reported", HTTPConfig{}, path("/a?password=x#y"),
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="1.1",latency=1000000i,method="GET",path="/a",status_code=200i,truncated=false`},
		{"a fragment is not reported", HTTPConfig{}, path("/a#y?z"),
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="1.1",latency=1000000i,method="GET",path="/a",status_code=200i,truncated=false`},
		{"latency not known, path truncated", HTTPConfig{Latencies: true}, func(x *HTTP) { x.Latency, x.Truncated = -1, true },
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="1.1",` + buckets("0000000000000000") +
				`method="GET",path="/",status_code=200i,truncated=true`},
		{"latencies", HTTPConfig{Latencies: true}, func(x *HTTP) { x.Latency = 25 * time.Millisecond },
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="1.1",latency=25000000i,` + buckets("0001111111111111") +
				`latency_max=25000000i,method="GET",path="/",status_code=200i,truncated=false`},
		{"slower than every bound", HTTPConfig{Latencies: true}, func(x *HTTP) { x.Latency = time.Minute },
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="1.1",latency=60000000000i,` + buckets("0000000000000001") +
				`latency_max=60000000000i,method="GET",path="/",status_code=200i,truncated=false`},
		{"at once", HTTPConfig{}, func(x *HTTP) { x.Latency = 0 },
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="1.1",latency=0i,method="GET",path="/",status_code=200i,truncated=false`},
		{"host", HTTPConfig{Host: true}, path("/"),
			`bytes_read=20i,bytes_written=10i,count=1i,http_host="example.com",http_version="1.1",latency=1000000i,method="GET",path="/",status_code=200i,truncated=false`},
		{"gRPC", HTTPConfig{}, func(x *HTTP) { x.Version, x.Method, x.Path, x.GRPC = "2", "POST", "/p.S/M", true },
			`bytes_read=20i,bytes_written=10i,count=1i,grpc_status=0i,http_version="2",latency=1000000i,method="POST",path="/p.S/M",status_code=200i,truncated=false`},
		{"gRPC without a status", HTTPConfig{}, func(x *HTTP) { x.Version, x.GRPC, x.GRPCStatus = "2", true, -1 },
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="2",latency=1000000i,method="GET",path="/",status_code=200i,truncated=false`},
		{"no response", HTTPConfig{}, func(x *HTTP) { x.Status, x.Latency = 0, -1 },
			`bytes_read=20i,bytes_written=10i,count=1i,http_version="1.1",method="GET",path="/",status_code=0i,truncated=false`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := NewHTTP(tt.cfg)
			a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", tt.change))
			p := only(t, a.Flush(at))
			if got := fieldText(p); got != tt.fields {
				t.Errorf("fields\n got %s\nwant %s", got, tt.fields)
			}
			want := map[string]string{
				"direction": "outgoing", "family": "IPv4", "transport": "tcp", "netns": "NS(4:4026531840)", "pid": "42", "process_name": "curl",
				"src_ip": "10.0.0.1", "src_port": "*", "src_ip_type": "private", "dst_ip": "10.0.0.2", "dst_port": "80", "dst_ip_type": "private",
			}
			if got := tagsOf(p); !maps.Equal(got, want) {
				t.Errorf("tags\n got %v\nwant %v", got, want)
			}
		})
	}
}

// buckets writes the fields of the histogram in the order of their keys, from
// one digit per bound.
func buckets(counts string) string {
	var fields []string
	for i, b := range latencyBounds {
		fields = append(fields, fmt.Sprintf("%s=%ci,", b.key, counts[i]))
	}
	slices.SortFunc(fields, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	return strings.Join(fields, "")
}

// TestHTTPKey changes one thing at a time: each makes a flow of its own, or
// not; and flows of equal tags have times of their own.
func TestHTTPKey(t *testing.T) {
	tests := []struct {
		name   string
		change func(*HTTP)
		cfg    HTTPConfig
		flows  int
		twins  bool
	}{
		{"path", path("/b"), HTTPConfig{}, 2, true},
		{"query", path("/?a"), HTTPConfig{}, 1, false},
		{"method", func(x *HTTP) { x.Method = "PUT" }, HTTPConfig{}, 2, true},
		{"version", func(x *HTTP) { x.Version = "1.0" }, HTTPConfig{}, 2, true},
		{"status", func(x *HTTP) { x.Status = 404 }, HTTPConfig{}, 2, true},
		{"gRPC status", func(x *HTTP) { x.GRPC = true }, HTTPConfig{}, 2, true},
		{"host, not asked for", func(x *HTTP) { x.Host = "b" }, HTTPConfig{}, 1, false},
		{"host, asked for", func(x *HTTP) { x.Host = "b" }, HTTPConfig{Host: true}, 2, true},
		{"truncated", func(x *HTTP) { x.Truncated = true }, HTTPConfig{}, 1, false},
		{"latency", func(x *HTTP) { x.Latency = time.Hour }, HTTPConfig{}, 1, false},
		{"client port", func(x *HTTP) { x.Local = exchange("10.0.0.1:4", "10.0.0.2:80").Local }, HTTPConfig{}, 1, false},
		{"client", func(x *HTTP) { x.Local = exchange("10.0.0.9:4", "10.0.0.2:80").Local }, HTTPConfig{}, 2, false},
		{"pid", func(x *HTTP) { x.PID++ }, HTTPConfig{}, 2, false},
		{"namespace", func(x *HTTP) { x.Netns++ }, HTTPConfig{}, 2, false},
		{"direction", func(x *HTTP) { x.Direction = Incoming }, HTTPConfig{}, 2, false},
		{"container, not asked for", func(x *HTTP) { x.Container = "b" }, HTTPConfig{}, 1, false},
		{"container, asked for", func(x *HTTP) { x.Container = "b" }, HTTPConfig{Config: Config{ContainerID: true}}, 2, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := NewHTTP(tt.cfg)
			a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80"))
			a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", tt.change))
			points := a.Flush(at)
			if len(points) != tt.flows {
				t.Fatalf("%d flows, want %d", len(points), tt.flows)
			}
			if tt.flows == 1 {
				return
			}
			sameTags, later := maps.Equal(tagsOf(points[0]), tagsOf(points[1])), points[1].Time-points[0].Time
			if sameTags != tt.twins || tt.twins != (later == 1) || !tt.twins && later != 0 {
				t.Errorf("equal tags: %v, want %v; %d ns apart", sameTags, tt.twins, later)
			}
		})
	}
}

func TestHTTPSums(t *testing.T) {
	a := NewHTTP(HTTPConfig{Latencies: true})
	for _, ms := range []time.Duration{2, 4, 60} {
		a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", func(x *HTTP) { x.Latency = ms * time.Millisecond }))
	}
	a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", func(x *HTTP) { x.Latency, x.Truncated = -1, true }))
	want := `bytes_read=80i,bytes_written=40i,count=4i,http_version="1.1",latency=22000000i,` + buckets("0222233333333333") +
		`latency_max=60000000i,method="GET",path="/",status_code=200i,truncated=true`
	if got := fieldText(only(t, a.Flush(at))); got != want {
		t.Errorf("fields\n got %s\nwant %s", got, want)
	}
	if points := a.Flush(at); points != nil {
		t.Errorf("a second flush repeats %v", points)
	}
}

// TestPathsAreBounded: a server is asked for far more than MaxPaths; counts
// stay exact, what came first keeps its name, and other servers and the next
// interval do not suffer.
func TestPathsAreBounded(t *testing.T) {
	a := NewHTTP(HTTPConfig{MaxPaths: 10, Host: true})
	for range 2 {
		for i := range 50 {
			for range 3 {
				a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", path(fmt.Sprint("/", i))))
			}
			a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", path(fmt.Sprint("/", i)), func(x *HTTP) { x.Status = 404 }))
			a.Add(exchange("10.0.0.1:40000", "10.0.0.3:80", path(fmt.Sprint("/", i%10))))
		}
		for i := range 20 {
			a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", func(x *HTTP) { x.Method = fmt.Sprint("M", i) }))
			a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", func(x *HTTP) { x.Method, x.Host = "PATCH", fmt.Sprint("h", i) }))
		}
		got := map[string]int64{}
		for _, p := range a.Flush(at) {
			key := tagsOf(p)["dst_ip"] + " " + stringField(p, "method") + " " + stringField(p, "http_host") + stringField(p, "path")
			got[fmt.Sprint(key, " ", fieldsOf(p)["status_code"])] += fieldsOf(p)["count"]
		}
		want := map[string]int64{
			"10.0.0.2 GET ** 200": 40 * 3, "10.0.0.2 GET ** 404": 40, "10.0.0.2 * ** 200": 20, "10.0.0.2 PATCH ** 200": 20,
		}
		for i := range 10 {
			want[fmt.Sprintf("10.0.0.2 GET example.com/%d 200", i)] = 3
			want[fmt.Sprintf("10.0.0.2 GET example.com/%d 404", i)] = 1
			want[fmt.Sprintf("10.0.0.3 GET example.com/%d 200", i)] = 5
		}
		if !maps.Equal(got, want) {
			t.Errorf("counts\n got %v\nwant %v", got, want)
		}
	}
	if s := a.Stats(); s.PathsFolded != 2*200 || s.Overflowed != 0 {
		t.Errorf("stats %+v, want %d folded", s, 2*200)
	}
}

// TestPathsPerServer: the server is the end that was connected to.
func TestPathsPerServer(t *testing.T) {
	for _, d := range []Direction{Incoming, Outgoing, Unknown} {
		a := NewHTTP(HTTPConfig{MaxPaths: 3})
		for i := range 12 {
			peer := fmt.Sprintf("10.0.1.%d:4000", i/3+1)
			a.Add(exchange("10.0.0.1:80", peer, path(fmt.Sprint("/", i)), func(x *HTTP) { x.Direction = d }))
		}
		want := map[Direction]int64{Incoming: 9, Outgoing: 0, Unknown: 9}[d]
		if s := a.Stats(); s.PathsFolded != want {
			t.Errorf("direction %q: %d folded, want %d", d, s.PathsFolded, want)
		}
	}
}

// TestHTTPOverflow: beyond MaxFlows nothing is lost, and memory is bounded.
func TestHTTPOverflow(t *testing.T) {
	a := NewHTTP(HTTPConfig{Config: Config{MaxFlows: 20}, MaxPaths: 100, Latencies: true})
	for i := range 5000 {
		a.Add(exchange("10.0.0.1:40000", fmt.Sprintf("10.0.%d.%d:80", i/250, i%250+1), path(fmt.Sprint("/", i))))
	}
	if named := len(a.servers); named > 20 {
		t.Errorf("paths of %d servers are kept, want no more than there are flows", named)
	}
	points := a.Flush(at)
	if len(points) != 21 {
		t.Fatalf("%d points, want 20 flows and the overflow", len(points))
	}
	last := points[20]
	if got := tagsOf(last); !maps.Equal(got, map[string]string{"overflow": "true"}) {
		t.Errorf("tags of the overflow: %v", got)
	}
	want := fmt.Sprintf("bytes_read=%di,bytes_written=%di,count=4980i,latency=1000000i,", 4980*20, 4980*10)
	if got := fieldText(last); !strings.HasPrefix(got, want) || strings.Contains(got, "path") {
		t.Errorf("overflow: got %s, want %s…", got, want)
	}
}

// TestHTTPNothingIsLost adds a random mix and compares the sums of all points
// with what was added, by method and status.
func TestHTTPNothingIsLost(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	a := NewHTTP(HTTPConfig{MaxPaths: 7})
	type sums struct{ count, read, written int64 }
	want, got := map[string]sums{}, map[string]sums{}
	add := func(to map[string]sums, key string, s sums) {
		old := to[key]
		to[key] = sums{old.count + s.count, old.read + s.read, old.written + s.written}
	}
	for range 5 {
		for range 2000 {
			x := exchange(fmt.Sprintf("10.0.0.%d:4000", 1+rnd.IntN(9)), fmt.Sprintf("10.1.0.%d:80", 1+rnd.IntN(9)), path(fmt.Sprint("/", rnd.IntN(40))))
			x.Method, x.Status = []string{"GET", "POST", "PUT"}[rnd.IntN(3)], 200+rnd.IntN(5)
			x.Read, x.Written = rnd.Uint64N(1e9), rnd.Uint64N(1e9)
			add(want, fmt.Sprint(x.Method, x.Status), sums{1, int64(x.Read), int64(x.Written)})
			a.Add(x)
		}
		times := map[string]bool{}
		for _, p := range a.Flush(at) {
			f := fieldsOf(p)
			add(got, fmt.Sprint(stringField(p, "method"), f["status_code"]), sums{f["count"], f["bytes_read"], f["bytes_written"]})
			series := fmt.Sprint(p.Tags, p.Time)
			if times[series] {
				t.Fatalf("two points of one series have the time %d: %v", p.Time, p)
			}
			times[series] = true
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("points sum to\n%v\nexchanges to\n%v", got, want)
	}
	if s := a.Stats(); s.Aggregated != 10000 || s.Emitted != s.Flows || s.PathsFolded == 0 {
		t.Errorf("stats do not add up: %+v", s)
	}
}

// TestAddKeepsCopies: what the decoder read may be overwritten after Add.
func TestAddKeepsCopies(t *testing.T) {
	buf := []byte("BREW/coffeehost")
	text := func(from, to int) string { return unsafe.String(&buf[from], to-from) }
	a := NewHTTP(HTTPConfig{Host: true})
	for _, status := range []int{200, 201} {
		a.Add(exchange("10.0.0.1:40000", "10.0.0.2:80", func(x *HTTP) {
			x.Method, x.Path, x.Host, x.Status = text(0, 4), text(4, 11), text(11, 15), status
		}))
	}
	copy(buf, "overwritten....")
	for _, p := range a.Flush(at) {
		if got := stringField(p, "method") + " " + stringField(p, "http_host") + stringField(p, "path"); got != "BREW host/coffee" {
			t.Errorf("got %q, want %q", got, "BREW host/coffee")
		}
	}
}

func TestHTTPSkips(t *testing.T) {
	a := NewHTTP(HTTPConfig{})
	a.Add(exchange("127.0.0.1:4000", "127.0.0.1:80"))
	a.Add(exchange("10.0.0.1:0", "10.0.0.2:80"))
	a.Add(exchange("0.0.0.0:4000", "10.0.0.2:80"))
	if points := a.Flush(at); points != nil {
		t.Errorf("got %v, want nothing", points)
	}
	if got, want := a.Stats(), (Stats{SkippedLoopback: 1, SkippedNoPort: 1, SkippedNoAddress: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}
