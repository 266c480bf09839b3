package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what a child may write to our log. What goes beyond is counted
// and said so.
const (
	maxLine        = 16 << 10
	linesPerPeriod = 500
	relayPeriod    = 10 * time.Second
)

// relay logs the output of a child, each line at its own level: lines as
// hclog and slog of plugins/sdk write them (JSON with @level and @message) and
// plain text.
type relay struct {
	log   *slog.Logger
	now   func() time.Time
	plain slog.Level // of plain text

	mu         sync.Mutex
	period     time.Time
	lines      int
	suppressed int
	panicking  bool   // what follows is a stack trace
	last       string // latest line at level error
}

// copy logs lines until r ends.
func (l *relay) copy(r io.Reader) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, more, err := lines.ReadLine()
		if len(line) > 0 {
			text := string(line)
			if more {
				text += " …"
			}
			l.line(text)
		}
		for more && err == nil {
			_, more, err = lines.ReadLine() // the rest of a line that is too long
		}
		if err != nil {
			return
		}
	}
}

// Write lets go-plugin hand over what a child printed through its os.Stdout.
func (l *relay) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		l.line(strings.TrimRight(line, "\n"))
	}
	return len(p), nil
}

func (l *relay) line(text string) {
	level, message, attrs := l.parse(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if level >= slog.LevelError && !(l.panicking && l.last != "") {
		l.last = message
	}
	if now := l.now(); now.Sub(l.period) >= relayPeriod || now.Before(l.period) {
		l.flush()
		l.period, l.lines = now, 0
	}
	if l.lines++; l.lines > linesPerPeriod {
		l.suppressed++
		return
	}
	l.log.LogAttrs(context.Background(), level, message, attrs...)
}

// flush says how much was left out.
func (l *relay) flush() {
	if l.suppressed > 0 {
		l.log.Warn("output of the program suppressed: too many lines", "lines", l.suppressed)
		l.suppressed = 0
	}
}

// finish ends the account of what was left out and returns the child's last
// words: its latest line at level error, or the reason of its panic.
func (l *relay) finish() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	return l.last
}

func (l *relay) parse(text string) (slog.Level, string, []slog.Attr) {
	if strings.HasPrefix(text, "{") {
		if level, message, attrs, err := parseJSON(text); err == nil {
			return level, message, attrs
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ") || strings.HasPrefix(text, "SIG") {
		l.panicking, l.last = true, ""
	}
	if l.panicking {
		return slog.LevelError, text, nil
	}
	return l.plain, text, nil
}

// parseJSON reads one line of JSON. Nothing in it is trusted to have the
// type it should have.
func parseJSON(text string) (slog.Level, string, []slog.Attr, error) {
	var fields map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // inode numbers stay as they are written
	if err := d.Decode(&fields); err != nil {
		return 0, "", nil, err
	}
	message, ok := fields["@message"].(string)
	if !ok {
		return 0, "", nil, errors.New("not a line of hclog")
	}
	name, _ := fields["@level"].(string)
	var attrs []slog.Attr
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !strings.HasPrefix(key, "@") {
			attrs = append(attrs, slog.Any(key, fields[key]))
		}
	}
	return levelOf(name), message, attrs, nil
}

func levelOf(name string) slog.Level {
	switch name {
	case "trace", "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}
