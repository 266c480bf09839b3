package filter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// shown renders tokens with their positions: kind, text and number.
func shown(tokens []token) string {
	var all []string
	for _, t := range tokens {
		s := fmt.Sprintf("%s %s", t.pos, t.kind)
		switch t.kind {
		case tokIdent, tokKeyword, tokFloat:
			s += " " + t.text
		case tokString:
			s += " " + quote(t.text)
		case tokInt:
			s += fmt.Sprintf(" %d", t.num)
		}
		all = append(all, s)
	}
	return strings.Join(all, " | ")
}

func TestLex(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"nothing", "", "1:1 end of text"},
		{"blanks", " \t\r ", "1:5 end of text"},
		{"newlines are tokens", "a\n\n b", "1:1 name a | 1:2 newline | 2:1 newline | 3:2 name b | 3:3 end of text"},
		{"carriage returns are blanks", "a\r\nb", "1:1 name a | 1:3 newline | 2:1 name b | 2:2 end of text"},
		{"a comment ends with its line", "a # b ' \" `\nc", "1:1 name a | 1:12 newline | 2:1 name c | 2:2 end of text"},
		{"longer operators win", "<=<!=!===||&&", "1:1 <= | 1:3 < | 1:4 != | 1:6 != | 1:8 == | 1:10 || | 1:12 && | 1:14 end of text"},
		{"punctuation", "(),;[]{}", "1:1 ( | 1:2 ) | 1:3 , | 1:4 ; | 1:5 [ | 1:6 ] | 1:7 { | 1:8 } | 1:9 end of text"},
		{"names", "a_1 _ é9 `a b`", "1:1 name a_1 | 1:5 name _ | 1:7 name é9 | 1:10 name a b | 1:15 end of text"},
		{"keywords in any case", "TRUE nIl In inn", "1:1 keyword true | 1:6 keyword nil | 1:10 keyword in | 1:13 name inn | 1:16 end of text"},
		{"quoted keywords are names", "`true`", "1:1 name true | 1:7 end of text"},
		{"integers", "0 80 0x50 0X1F 0120 9223372036854775807", "1:1 integer 0 | 1:3 integer 80 | 1:6 integer 80 | 1:11 integer 31 | 1:16 integer 80 | 1:21 integer 9223372036854775807 | 1:40 end of text"},
		{"what is no integer of 64 bits", "080 1.5 1e3 1_0 9223372036854775808", "1:1 float 080 | 1:5 float 1.5 | 1:9 float 1e3 | 1:13 float 1_0 | 1:17 float 9223372036854775808 | 1:36 end of text"},
		{"strings", `'a"b' "a'b" ''`, `1:1 string "a\"b" | 1:7 string "a'b" | 1:13 string "" | 1:15 end of text`},
		{"escapes", `'\a\b\f\n\r\t\v\\\'\101\x41\u0041\U00000041'`, `1:1 string "\a\b\f\n\r\t\v\\'AAAA" | 1:45 end of text`},
		{"strings over lines", "'''a'\n\"b''' c", `1:1 string "a'\n\"b" | 2:7 name c | 2:8 end of text`},
		{"columns count characters", "'äö' x", `1:1 string "äö" | 1:6 name x | 1:7 end of text`},
		{"signs are operators", "-1 + 2", "1:1 - | 1:2 integer 1 | 1:4 + | 1:6 integer 2 | 1:7 end of text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tokens, err := lex(test.src)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(tokens); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestLexMistakes(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"character", "a\n @", "2:2: unexpected character '@'"},
		{"single bar", "a | b", "1:3: unexpected character '|'"},
		{"single ampersand", "a & b", "1:3: unexpected character '&'"},
		{"number with letters", "80tcp", "1:1: malformed number 80tcp"},
		{"binary number", "0b1", "1:1: malformed number 0b1"},
		{"octal number of Go", "0o7", "1:1: malformed number 0o7"},
		{"address without quotes", "10.0.0.1", "1:1: malformed number 10.0.0.1"},
		{"open name", "`a", "1:1: quoted name is not closed"},
		{"name over lines", "`a\nb`", "1:1: quoted name is not closed"},
		{"empty name", "``", "1:1: quoted name is empty"},
		{"open string", "'a", "1:1: string is not closed"},
		{"open long string", "'''a''", "1:1: string is not closed"},
		{"string over lines", "'a\n'", "1:1: string is not closed on its line"},
		{"escape", `'\z'`, `1:2: unknown or incomplete escape \z`},
		{"escape of the other quote", `'\"'`, `1:2: unknown or incomplete escape \"`},
		{"short escape", `'\x4'`, `1:2: unknown or incomplete escape \x`},
		{"escape at the end", `'\`, `1:2: unknown or incomplete escape \`},
		{"escape of a newline", "'\\\n'", `1:2: unknown or incomplete escape \`},
		{"surrogate", `'\ud800'`, `1:2: unknown or incomplete escape \u`},
		{"name of wrong bytes", "a\xff", "1:1: name is not valid UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := lex(test.src)
			var at *Error
			if !errors.As(err, &at) || err.Error() != "rule:"+test.want {
				t.Errorf("error is %v, want rule:%s", err, test.want)
			}
		})
	}
}
