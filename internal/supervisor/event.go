package supervisor

import (
	"context"
	"time"

	"datakit.dev/agent/internal/point"
)

// EventSpec describes the keyevent points of supervised programs.
func EventSpec() point.Measurement {
	return point.Measurement{
		Name: "datakit_event", Category: point.KeyEvent,
		Help: "Something happened to the agent that its operator should know.",
		Tags: []point.TagSpec{
			{Key: "df_source", Help: "Who reports: always \"datakit\"."},
			{Key: "df_status", Help: "\"error\" for a crash, \"warning\" for an exceeded limit."},
			{Key: "event", Help: "\"external_crash\", \"external_limit\" or \"external_config\"."},
			{Key: "external", Help: "Name of the external program."},
		},
		Fields: []point.FieldSpec{
			{Key: "df_title", Kind: point.KindString, Help: "What happened, in one line."},
			{Key: "df_message", Kind: point.KindString, Help: "Why, as far as is known."},
			{Key: "restarts", Kind: point.KindInt, Unit: "count", Help: "How often the program has been started again."},
			{Key: "delay", Kind: point.KindInt, Unit: "ms", Help: "Time until the next start; -1 when there will be none."},
		},
	}
}

// eventTimeout bounds how long a full sink may hold up a restart.
const eventTimeout = 5 * time.Second

// event reports the end of a session. A sink that does not take the point
// counts it; there is nothing more to do about it here.
func (s *Supervisor) event(ctx context.Context, events point.Sink, out outcome, delay time.Duration) {
	event, status, title := "external_crash", "error", "external "+s.cfg.Name+" died"
	switch out.ending {
	case limited:
		event, status, title = "external_limit", "warning", "external "+s.cfg.Name+" exceeded a resource limit"
	case misconfigured:
		event, title = "external_config", "external "+s.cfg.Name+" is configured wrongly"
	}
	millis := int64(-1)
	if delay >= 0 {
		millis = delay.Milliseconds()
	}
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	_ = events.Feed(ctx, point.KeyEvent, []point.Point{{
		Measurement: "datakit_event",
		Tags: []point.Tag{
			{Key: "df_source", Value: "datakit"}, {Key: "df_status", Value: status},
			{Key: "event", Value: event}, {Key: "external", Value: s.cfg.Name},
		},
		Fields: []point.Field{
			{Key: "df_title", Value: point.String(title)}, {Key: "df_message", Value: point.String(out.err.Error())},
			{Key: "restarts", Value: point.Int(s.Status().Restarts)}, {Key: "delay", Value: point.Int(millis)},
		},
		Time: s.cfg.Now().UnixNano(),
	}})
}
