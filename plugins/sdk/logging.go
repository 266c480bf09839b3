package sdk

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// hclogTime is the time format that hclog writes and go-plugin parses.
const hclogTime = "2006-01-02T15:04:05.000000Z07:00"

// newPluginLog writes JSON with the keys of hclog, which any go-plugin host
// logs again at the right level.
func newPluginLog(w io.Writer, level slog.Leveler) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) > 0 {
			return a
		}
		switch a.Key {
		case slog.TimeKey:
			if t, ok := a.Value.Any().(time.Time); ok {
				return slog.String("@timestamp", t.Format(hclogTime))
			}
		case slog.LevelKey:
			return slog.String("@level", strings.ToLower(a.Value.String()))
		case slog.MessageKey:
			a.Key = "@message"
		}
		return a
	}})
}

func parseLevel(text string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return level, fmt.Errorf("%q is not a log level; allowed are debug, info, warn, error", text)
	}
	return level, nil
}
