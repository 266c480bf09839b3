package point

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

func TestAppendLine(t *testing.T) {
	global := NewTagSet(map[string]string{"host": "h 1", "zone": "z", "empty": ""}, nil)
	one := []Field{{"f", Int(1)}}
	tests := []struct {
		name     string
		category Category
		p        Point
		global   *TagSet
		want     string // "" when nothing can be encoded
		warnings []WarningType
	}{
		{"plain", Network, Point{"m", []Tag{{"a", "b"}}, []Field{{"f", Int(-1)}}, 5}, nil, "m,a=b f=-1i 5\n", nil},
		{"no time", Network, Point{"m", nil, one, 0}, nil, "m f=1i\n", nil},
		{"all kinds", Network, Point{"m", nil, []Field{{"a", Int(math.MinInt64)}, {"b", Uint(math.MaxUint64)}, {"c", Float(1.5)},
			{"d", Float(1e6)}, {"e", Float(1e300)}, {"f", Bool(true)}, {"g", Bool(false)}, {"h", String("x")}}, 5}, nil,
			"m a=-9223372036854775808i,b=18446744073709551615u,c=1.5,d=1000000,e=1e+300,f=true,g=false,h=\"x\" 5\n", nil},
		{"escapes", Network, Point{`m ,=\m`, []Tag{{`k ,=\k`, `v ,=\v`}}, []Field{{`f ,=\f`, String("a\"b\\c,d= e")}}, 5}, nil,
			`m\ \,=\m,k\ \,\=\k=v\ \,\=\v f\ \,\=\f="a\"b\\c,d= e" 5` + "\n", nil},
		{"line break in a string stays", Network, Point{"m", nil, []Field{{"f", String("a\nb\tc\rd")}}, 5}, nil, "m f=\"a\nb\tc\rd\" 5\n", nil},
		{"UTF-8", Network, Point{"é", []Tag{{"ü", "ß"}}, []Field{{"日本", String("ø")}}, 5}, nil, "é,ü=ß 日本=\"ø\" 5\n", nil},
		{"empty tag", Network, Point{"m", []Tag{{"a", ""}, {"b", "c"}}, one, 5}, nil, "m,b=c f=1i 5\n", nil},
		{"global tags", Network, Point{"m", []Tag{{"a", "b"}}, one, 5}, global, "m,a=b,host=h\\ 1,zone=z f=1i 5\n", nil},
		{"global tags without own tags", Network, Point{"m", nil, one, 0}, global, "m,host=h\\ 1,zone=z f=1i\n", nil},
		{"global tag present as tag", Network, Point{"m", []Tag{{"host", "own"}}, one, 5}, global, "m,host=own,zone=z f=1i 5\n", nil},
		{"global tag present as empty tag", Network, Point{"m", []Tag{{"host", ""}}, one, 5}, global, "m,host=h\\ 1,zone=z f=1i 5\n", nil},
		{"global tag present as field", Network, Point{"m", nil, []Field{{"zone", Int(1)}}, 5}, global, "m,host=h\\ 1 zone=1i 5\n", nil},
		{"no fields", Network, Point{"m", []Tag{{"a", "b"}}, nil, 5}, nil, "", []WarningType{WarnNoFields}},
		{"not a number", Network, Point{"m", nil, []Field{{"a", Float(math.NaN())}, {"b", Int(1)}}, 5}, nil, "m b=1i 5\n", []WarningType{WarnNaN}},
		{"only not a number", Network, Point{"m", nil, []Field{{"a", Float(math.NaN())}}, 5}, nil, "", []WarningType{WarnNaN, WarnNoFields}},
		{"infinity", Network, Point{"m", nil, []Field{{"a", Float(math.Inf(1))}, {"b", Float(math.Inf(-1))}}, 5}, nil,
			"m a=1.8446744073709552e+19,b=-9.223372036854776e+18 5\n", []WarningType{WarnFieldValue, WarnFieldValue}},
		{"nil field", Network, Point{"m", nil, []Field{{Key: "a"}, {"b", Int(1)}}, 5}, nil, "m b=1i 5\n", []WarningType{WarnNilField}},
		{"empty measurement", Network, Point{"", nil, one, 5}, nil, "__default f=1i 5\n", []WarningType{WarnName}},
		{"comment as measurement", Network, Point{"#m", nil, one, 5}, nil, "_m f=1i 5\n", []WarningType{WarnName}},
		{"long measurement", Network, Point{strings.Repeat("é", 513), nil, one, 5}, nil, strings.Repeat("é", 512) + " f=1i 5\n", []WarningType{WarnMaxName}},
		{"line break in tag", Network, Point{"m", []Tag{{"a\nb", "c\td"}}, one, 5}, nil, "m,a\\ b=c\\ d f=1i 5\n", []WarningType{WarnNewline, WarnNewline}},
		{"backslash at the end", Network, Point{`m\`, []Tag{{`a\`, `b\\`}}, one, 5}, nil, "m,a=b f=1i 5\n", []WarningType{WarnNewline, WarnNewline, WarnNewline}},
		{"tag of backslashes", Network, Point{"m", []Tag{{"a", `\\`}}, one, 5}, nil, "m f=1i 5\n", []WarningType{WarnNewline, WarnTagValue}},
		{"not UTF-8", Network, Point{"m", []Tag{{"a", "b\xff"}}, []Field{{"f", String("\xff")}}, 5}, nil, "m,a=b\uFFFD f=\"\uFFFD\" 5\n",
			[]WarningType{WarnTagValue, WarnFieldValue}},
		{"empty key", Network, Point{"m", []Tag{{"", "a"}}, []Field{{"", Int(1)}, {"f", Int(1)}}, 5}, nil, "m f=1i 5\n", []WarningType{WarnTagKey, WarnFieldKey}},
		{"long key", Network, Point{"m", []Tag{{strings.Repeat("k", 257), "v"}}, one, 5}, nil, "m," + strings.Repeat("k", 256) + "=v f=1i 5\n", []WarningType{WarnMaxKey}},
		{"long key that exists", Network, Point{"m", []Tag{{strings.Repeat("k", 256), "v"}, {strings.Repeat("k", 257), "w"}}, one, 5}, nil,
			"m," + strings.Repeat("k", 256) + "=v f=1i 5\n", []WarningType{WarnMaxKey, WarnConflict}},
		{"long tag value", Network, Point{"m", []Tag{{"a", strings.Repeat("é", 513)}}, one, 5}, nil, "m,a=" + strings.Repeat("é", 512) + " f=1i 5\n", []WarningType{WarnMaxTagValue}},
		{"tag value cut within UTF-8", Network, Point{"m", []Tag{{"a", "x" + strings.Repeat("é", 512)}}, one, 5}, nil, "m,a=x" + strings.Repeat("é", 511) + " f=1i 5\n", []WarningType{WarnMaxTagValue}},
		{"tag value with a backslash at the cut", Network, Point{"m", []Tag{{"a", strings.Repeat("v", 1023) + `\w`}}, one, 5}, nil,
			"m,a=" + strings.Repeat("v", 1023) + " f=1i 5\n", []WarningType{WarnMaxTagValue, WarnNewline}},
		{"duplicate keys", Network, Point{"m", []Tag{{"a", "1"}, {"a", "2"}}, []Field{{"a", Int(1)}, {"f", Int(1)}, {"f", Int(2)}}, 5}, nil,
			"m,a=1 f=1i 5\n", []WarningType{WarnConflict, WarnConflict, WarnConflict}},
		{"dots are kept", Metric, Point{"m.n", []Tag{{"a.b", "c.d"}}, []Field{{"f.g", Int(1)}}, 5}, nil, "m.n,a.b=c.d f.g=1i 5\n", nil},
		{"string in metric", Metric, Point{"m", nil, []Field{{"s", String("x")}, {"f", Int(1)}}, 5}, nil, "m f=1i 5\n", []WarningType{WarnFieldType}},
		{"logging", Logging, Point{"m", []Tag{{"a.b", "c"}, {"source", "s"}}, []Field{{"date", Int(1)}, {"f.g", Int(1)}}, 5}, nil,
			"m,a_b=c f_g=1i,status=\"info\" 5\n", []WarningType{WarnDot, WarnDisabled, WarnDisabled, WarnDot}},
		{"logging with status", Logging, Point{"m", []Tag{{"status", "error"}}, one, 5}, nil, "m,status=error f=1i 5\n", nil},
		{"object", Object, Point{"m", []Tag{{"class", "c"}}, one, 5}, nil, "m f=1i,name=\"default\" 5\n", []WarningType{WarnDisabled}},
		{"custom object", CustomObject, Point{"m", []Tag{{"class.x", "c"}}, one, 5}, nil, "m,class.x=c f=1i 5\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var warnings []WarningType
			warn := func(w Warning) {
				if w.Text == "" {
					t.Errorf("%s has no text", w.Type)
				}
				warnings = append(warnings, w.Type)
			}
			got, ok := AppendLine([]byte("before\n"), &tt.p, tt.category, tt.global, warn)
			if want := "before\n" + tt.want; string(got) != want || ok != (tt.want != "") {
				t.Errorf("%v\n%q, want\n%q", ok, got, want)
			}
			if !slices.Equal(warnings, tt.warnings) {
				t.Errorf("warnings %v, want %v", warnings, tt.warnings)
			}
			if tt.want == "" {
				return
			}
			decoded, _, err := reference([]byte(tt.want), lineprotocol.Nanosecond)
			if err != nil || len(decoded) != 1 {
				t.Fatalf("the reference decoder reads %d points: %v", len(decoded), err)
			}
		})
	}
}

func TestAppendLineLimits(t *testing.T) {
	var p Point
	p.Measurement = "m"
	for i := range MaxTags + 1 {
		p.Tags = append(p.Tags, Tag{"t" + strings.Repeat("x", i%200) + string(rune('a'+i/200)), "v"})
	}
	for i := range MaxFields + 1 {
		p.Fields = append(p.Fields, Field{"f" + strings.Repeat("x", i%200) + string(rune('a'+i/200)), Int(int64(i))})
	}
	var types []WarningType
	line, ok := AppendLine(nil, &p, Network, nil, func(w Warning) { types = append(types, w.Type) })
	points, _, err := reference(line, lineprotocol.Nanosecond)
	if !ok || err != nil || len(points) != 1 {
		t.Fatalf("%v, %d points, %v", ok, len(points), err)
	}
	if got := points[0]; len(got.Tags) != MaxTags || len(got.Fields) != MaxFields {
		t.Errorf("%d tags and %d fields are left", len(got.Tags), len(got.Fields))
	}
	if want := []WarningType{WarnMaxTags, WarnMaxFields}; !slices.Equal(types, want) {
		t.Errorf("warnings %v, want %v", types, want)
	}
	if len(p.Tags) != MaxTags+1 || len(p.Fields) != MaxFields+1 {
		t.Error("the point was modified")
	}
}

func TestAppendLineLongString(t *testing.T) {
	p := Point{Measurement: "m", Fields: []Field{{"f", String(strings.Repeat("é", MaxFieldValue/2+1))}}}
	var types []WarningType
	line, ok := AppendLine(nil, &p, Logging, nil, func(w Warning) { types = append(types, w.Type) })
	if want := `m f="` + strings.Repeat("é", MaxFieldValue/2) + `",status="info"` + "\n"; !ok || string(line) != want {
		t.Errorf("%v, %d bytes, want %d", ok, len(line), len(want))
	}
	if !slices.Equal(types, []WarningType{WarnMaxFieldValue}) {
		t.Errorf("warnings %v", types)
	}
}

// TestAllocations: neither encoding nor scanning allocates as long as no point
// breaks a rule.
func TestAllocations(t *testing.T) {
	p := netflowPoint(1)
	body := netflowBody(10)
	global := NewTagSet(map[string]string{"host": "h", "zone": "z"}, nil)
	encoder := NewEncoder(Network, global, nil)
	dst := make([]byte, 0, 1<<20)
	var s Scanner
	for name, f := range map[string]func(){
		"AppendLine": func() { AppendLine(dst, &p, Network, global, nil) },
		"Encoder":    func() { encoder.Append(dst, &p) },
		"Scanner": func() {
			for s.Reset(body, Network, Guess); s.Next(); {
				s.AppendLine(dst, global, 1, nil)
			}
		},
	} {
		if n := testing.AllocsPerRun(10, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if n := len(netflowBody(1)); n != 561 {
		t.Errorf("the netflow point has %d bytes", n)
	}
}
