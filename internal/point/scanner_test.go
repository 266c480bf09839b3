package point

import (
	"errors"
	"strings"
	"testing"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// scannerCases are bodies with the place of their first error. That the
// reference decoder agrees on each is asserted by TestScanner and FuzzScanner.
var scannerCases = []struct {
	name, body   string
	line, column int // 0 when the body is valid
}{
	{"empty", "", 0, 0},
	{"blank lines", "\n \n\r\n   \r", 0, 0},
	{"minimal", "m f=1", 0, 0},
	{"tags, all kinds of fields, time", "m,a=b,c=d i=1i,u=2u,f=3.5,g=-1e-3,b=t,s=\"x\" 1700000000000000000\n", 0, 0},
	{"booleans", "m a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE", 0, 0},
	{"wrong boolean", "m a=truE", 1, 5},
	{"CR LF", "m f=1\r\nm f=2 7\r\n", 0, 0},
	{"CR at the end", "m f=1 5\r", 0, 0},
	{"CR within the line", "m f=1\rx", 1, 6},
	{"CR between lines", "m f=1\n\rm f=1", 2, 1},
	{"leading and many spaces", "  m,a=b   f=1   5   \n", 0, 0},
	{"comments", "# one\n  # two\r\nm f=1\n#", 0, 0},
	{"tab in comment", "# a\tb\nm f=1", 1, 4},
	{"escaped measurement", `a\ b\,c\=d=e f=1`, 0, 0},
	{"escaped tags", `m,a\ b\,c\=d=e\ f\,g\=h f=1`, 0, 0},
	{"escaped field key", `m a\ b\,c\=d=1`, 0, 0},
	{"backslashes that escape nothing", `m\x,a\y=b\z f\w=1`, 0, 0},
	{"two backslashes before a separator", `m,a=b\\,c f=1`, 0, 0},
	{"backslash at the end", `m,a=b\`, 1, 7},
	{"string with escapes", `m s="a\"b\\",t="\\\"",u="\d\n\r\t"`, 0, 0},
	{"string with line break", "m s=\"a\nb\" 5\nm f=x", 3, 5},
	{"string with separators", `m s="a, b=c #"`, 0, 0},
	{"empty string", `m s=""`, 0, 0},
	{"string without end", `m s="abc\"`, 1, 5},
	{"text behind string", `m s="abc"d`, 1, 10},
	{"no fields", "m\n", 1, 2},
	{"tags but no fields", "m,a=b\n", 1, 6},
	{"tags, space, no fields", "m,a=b ", 1, 7},
	{"no measurement", ",a=b f=1", 1, 1},
	{"comma behind measurement", "m, f=1", 1, 3},
	{"no tag key", "m,=b f=1", 1, 3},
	{"no tag value", "m,a= f=1", 1, 5},
	{"tag without equals sign", "m,a f=1", 1, 4},
	{"two equals signs", "m,a=b=c f=1", 1, 6},
	{"tab behind tags", "m,a=b\tf=1", 1, 6},
	{"no field key", "m =1", 1, 3},
	{"field without value", "m f= 1", 1, 5},
	{"field without equals sign", "m f", 1, 4},
	{"comma behind fields", "m f=1, 5", 1, 7},
	{"value without type", "m f=abc", 1, 5},
	{"plus sign", "m f=+1", 1, 5},
	{"largest integers", "m a=9223372036854775807i,b=-9223372036854775808i,c=18446744073709551615u", 0, 0},
	{"integer too large", "m f=9223372036854775808i", 1, 5},
	{"integer too small", "m f=-9223372036854775809i", 1, 5},
	{"unsigned too large", "m f=18446744073709551616u", 1, 5},
	{"unsigned negative", "m f=-1u", 1, 5},
	{"integer with point", "m f=1.5i", 1, 5},
	{"integer without digits", "m f=-i", 1, 5},
	{"leading zeros", "m a=000000000000000000000000000001i,b=007", 0, 0},
	{"floats", "m a=1.,b=.5,c=-.5,d=1e5,e=1E-5,f=1e+300", 0, 0},
	{"point alone", "m f=.", 1, 5},
	{"minus alone", "m f=-", 1, 5},
	{"float too large", "m f=1e400", 1, 5},
	{"many digits", "m f=" + strings.Repeat("9", 400), 1, 5},
	{"many digits of a fraction", "m f=0." + strings.Repeat("9", 400), 0, 0},
	{"infinity", "m f=-inf", 1, 5},
	{"not a number", "m f=nan", 1, 5},
	{"hexadecimal float", "m f=0x1p-2", 0, 0},
	{"negative time", "m f=1 -5", 0, 0},
	{"smallest and largest time", "m f=1 -9223372036854775808\nm f=1 9223372036854775807", 0, 0},
	{"time too large", "m f=1 9223372036854775808", 1, 7},
	{"wrong time", "m f=1 1-5", 1, 7},
	{"minus as time", "m f=1 -", 1, 7},
	{"text as time", "m f=1 abc", 1, 7},
	{"text behind time", "m f=1 5 6", 1, 9},
	{"letter behind time", "m f=1 5i", 1, 7},
	{"UTF-8", "mé,ü=ß ø=\"日本\"", 0, 0},
	{"not UTF-8", "m f=1\nm,a=b\xffc f=1", 2, 6},
	{"half a UTF-8 sequence in a string", "m f=\"\xe6\x97\"", 1, 6},
	{"not UTF-8 in a comment", "#\xff\nm f=1", 0, 0},
	{"control character", "m\x00 f=1", 1, 2},
	{"DEL", "m,a=\x7f f=1", 1, 5},
	{"second line wrong", "m f=1\nm f=\n", 2, 5},
	{"duplicate keys", "m,a=b,a=c a=1,a=2", 0, 0},
}

func TestScanner(t *testing.T) {
	for _, c := range scannerCases {
		t.Run(c.name, func(t *testing.T) {
			want, _, wantErr := reference([]byte(c.body), lineprotocol.Nanosecond)
			if (wantErr != nil) != (c.line != 0) {
				t.Fatalf("the case is wrong: the reference decoder says %v", wantErr)
			}
			var got []Point
			var err error
			for p, e := range Decode([]byte(c.body), Nanosecond) {
				if err = e; err == nil {
					got = append(got, p)
				}
			}
			if c.line == 0 && err != nil {
				t.Fatal(err)
			}
			if c.line != 0 {
				var syntax *SyntaxError
				if !errors.As(err, &syntax) || syntax.Line != c.line || syntax.Column != c.column {
					t.Fatalf("error %v, want one at line %d, column %d", err, c.line, c.column)
				}
				var decode *lineprotocol.DecodeError
				if errors.As(wantErr, &decode) && decode.Line != int64(c.line) {
					t.Fatalf("error at line %d, the reference decoder says %v", c.line, wantErr)
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%d points, want %d", len(got), len(want))
			}
			for i := range got {
				if d := diff(got[i], want[i]); d != "" {
					t.Errorf("point %d: %s", i, d)
				}
			}
		})
	}
}
