package readme

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is one fenced sh block of README.md. The comment before it, as in
//
//	<!-- test: skip, REASON -->
//	<!-- test: background until "REGEXP" -->
//	<!-- test: needs curl, jq -->
//
// says how the test runs it; without one it has to succeed.
type block struct {
	line   int
	script string

	skip  string         // reason
	until *regexp.Regexp // goes on in the background once this was printed
	needs []string       // programs
}

// parse returns the blocks in order.
func parse(text string) (blocks []block, err error) {
	var b *block
	marker := ""
	for i, line := range strings.Split(text, "\n") {
		switch {
		case b != nil && line == "```":
			blocks = append(blocks, *b)
			b, marker = nil, ""
		case b != nil:
			b.script += line + "\n"
		case line == "```sh":
			b = &block{line: i + 2}
			if err := b.mark(marker); err != nil {
				return nil, fmt.Errorf("line %d: %w", i, err)
			}
		case strings.HasPrefix(line, "<!-- test: "):
			marker = strings.TrimSuffix(strings.TrimPrefix(line, "<!-- test: "), " -->")
		}
	}
	if b != nil {
		return nil, fmt.Errorf("line %d: the block has no end", b.line)
	}
	return blocks, nil
}

func (b *block) mark(marker string) (err error) {
	if marker == "" {
		return nil
	}
	if reason, ok := strings.CutPrefix(marker, "skip, "); ok {
		b.skip = reason
		return nil
	}
	if pattern, ok := strings.CutPrefix(marker, "background until "); ok {
		b.until, err = regexp.Compile(strings.Trim(pattern, `"`))
		return err
	}
	if programs, ok := strings.CutPrefix(marker, "needs "); ok {
		b.needs = strings.Split(programs, ", ")
		return nil
	}
	return fmt.Errorf("unknown marker %q", marker)
}

// missing returns the first program the block needs and the machine lacks.
func (b *block) missing() string {
	i := slices.IndexFunc(b.needs, func(p string) bool { _, err := exec.LookPath(p); return err != nil })
	if i < 0 {
		return ""
	}
	return b.needs[i]
}

func TestParse(t *testing.T) {
	text := strings.Join([]string{
		"text", "```", "not sh", "```",
		"```sh", "one", "two", "```",
		"<!-- test: skip, too long -->", "```sh", "three", "```",
		`<!-- test: background until "up|ready" -->`, "", "```sh", "four", "```",
		"<!-- test: needs curl, jq -->", "```sh", "```",
	}, "\n")
	blocks, err := parse(text)
	if err != nil || len(blocks) != 4 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	if blocks[0].script != "one\ntwo\n" || blocks[0].line != 6 || blocks[0].skip != "" {
		t.Errorf("first block: %+v", blocks[0])
	}
	if blocks[1].skip != "too long" || !blocks[2].until.MatchString("ready") || !slices.Equal(blocks[3].needs, []string{"curl", "jq"}) {
		t.Errorf("markers: %+v", blocks[1:])
	}
	for _, wrong := range []string{"```sh\nx", "<!-- test: maybe -->\n```sh\n```", "<!-- test: background until \"(\" -->\n```sh\n```"} {
		if _, err := parse(wrong); err == nil {
			t.Errorf("no error for %q", wrong)
		}
	}
}
