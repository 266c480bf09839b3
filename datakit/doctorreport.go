package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// level says how bad a finding is.
type level string

const (
	levelOK      level = "ok"
	levelNote    level = "note"    // worth to know
	levelWarning level = "warning" // will become a problem, or costs something
	levelProblem level = "problem" // does not work; makes the exit code 1
)

// finding is one thing the doctor has looked at.
type finding struct {
	Level level  `json:"level"`
	Text  string `json:"text"`
	Part  bool   `json:"part,omitempty"` // of what the finding before it is about
}

// section is a group of findings.
type section struct {
	Title    string    `json:"title"`
	Findings []finding `json:"findings"`
}

func (s *section) ok(format string, args ...any)      { s.add(levelOK, format, args...) }
func (s *section) note(format string, args ...any)    { s.add(levelNote, format, args...) }
func (s *section) warn(format string, args ...any)    { s.add(levelWarning, format, args...) }
func (s *section) problem(format string, args ...any) { s.add(levelProblem, format, args...) }

func (s *section) add(l level, format string, args ...any) {
	s.Findings = append(s.Findings, finding{Level: l, Text: fmt.Sprintf(format, args...)})
}

// part adds a finding about a part of the one before.
func (s *section) part(l level, format string, args ...any) {
	s.Findings = append(s.Findings, finding{Level: l, Text: fmt.Sprintf(format, args...), Part: true})
}

// diagnosis is all that the doctor found.
type diagnosis struct {
	Healthy  bool      `json:"healthy"` // no problem
	Problems int       `json:"problems"`
	Warnings int       `json:"warnings"`
	Sections []section `json:"sections"`
}

func (d *diagnosis) add(s section) {
	if len(s.Findings) == 0 {
		return
	}
	for _, f := range s.Findings {
		switch f.Level {
		case levelProblem:
			d.Problems++
		case levelWarning:
			d.Warnings++
		}
	}
	d.Healthy = d.Problems == 0
	d.Sections = append(d.Sections, s)
}

func (d *diagnosis) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// marks are how findings begin, and their colours (ECMA-48 SGR).
var marks = map[level]struct{ text, colour string }{
	levelOK:      {"✓", "\x1b[32m"},
	levelNote:    {"·", "\x1b[2m"},
	levelWarning: {"!", "\x1b[33m"},
	levelProblem: {"✗", "\x1b[31m"},
}

// write prints the diagnosis for people. Lines of a finding after the first
// are indented.
func (d *diagnosis) write(w io.Writer, colours bool) error {
	var b strings.Builder
	for _, s := range d.Sections {
		fmt.Fprintln(&b, s.Title)
		for _, f := range s.Findings {
			mark := marks[f.Level].text
			if colours {
				mark = marks[f.Level].colour + mark + "\x1b[0m"
			}
			indent := "  "
			if f.Part {
				indent = "    "
			}
			text := strings.ReplaceAll(strings.TrimSpace(f.Text), "\n", "\n  "+indent)
			fmt.Fprintf(&b, "%s%s %s\n", indent, mark, text)
		}
		fmt.Fprintln(&b)
	}
	switch {
	case d.Problems > 0:
		fmt.Fprintf(&b, "%s, %s.\n", plural(d.Problems, "problem"), plural(d.Warnings, "warning"))
	case d.Warnings > 0:
		fmt.Fprintf(&b, "No problem, %s.\n", plural(d.Warnings, "warning"))
	default:
		fmt.Fprintln(&b, "No problem found.")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
