package httpapi

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/plugins"
)

// StateMetrics returns a collector that shows a State as metrics. Each scrape
// calls state once, so all numbers are of one moment.
func StateMetrics(state func() State) prometheus.Collector { return stateMetrics(state) }

type stateMetrics func() State

// Describe sends nothing: which series exist depends on the configuration.
func (stateMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect sends the metrics of the present state.
func (s stateMetrics) Collect(out chan<- prometheus.Metric) {
	state, e := s(), exposition{out}
	e.gauge("datakit_build_info", "Always 1; the labels say which program this is.", 1,
		label{"version", state.Version}, label{"commit", state.Commit})
	e.gauge("datakit_start_time_seconds", "When the agent started, in seconds since the Unix epoch.", seconds(state.Started))
	for _, i := range state.Inputs {
		e.input(i)
	}
	for _, c := range state.Children {
		e.child(c)
	}
	for _, f := range state.Feeds {
		e.feed(f)
	}
	e.queue(state.Queue)
	for _, b := range state.Backends {
		e.backend(b)
	}
	for _, a := range state.Accounts {
		e.account(a)
	}
	e.gauge("datakit_last_errors", "Inputs and programs whose last report is an error.", float64(len(state.Errors)))
	e.gauge("datakit_tail_subscribers", "Programs that watch the live points.", float64(state.Tail.Subscribers))
	e.counter("datakit_tail_dropped_points_total", "Points not shown because a subscriber was slow. They were delivered all the same.", float64(state.Tail.Dropped))
}

// label is a name and value of a series.
type label struct{ name, value string }

// exposition writes metrics that have their value already.
type exposition struct{ out chan<- prometheus.Metric }

func (e exposition) gauge(name, help string, v float64, labels ...label) {
	e.metric(name, help, prometheus.GaugeValue, v, labels)
}

func (e exposition) counter(name, help string, v float64, labels ...label) {
	e.metric(name, help, prometheus.CounterValue, v, labels)
}

func (e exposition) metric(name, help string, kind prometheus.ValueType, v float64, labels []label) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, l.value
	}
	m, err := prometheus.NewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(prometheus.NewDesc(name, help, names, nil), err)
	}
	e.out <- m
}

// dropped writes a counter per reason.
func (e exposition) dropped(name, help string, reasons map[string]int64, labels ...label) {
	for reason, n := range reasons {
		e.counter(name, help, float64(n), append(labels[:len(labels):len(labels)], label{"reason", reason})...)
	}
}

func (e exposition) input(i InputState) {
	labels := []label{{"input", i.Input}, {"place", i.Place}}
	e.gauge("datakit_input_up", "1 while the last report of the input is no error.", flag(i.LastError == ""), labels...)
	e.counter("datakit_input_gathers_total", "How often the input has gathered.", float64(i.Gathers), labels...)
	e.counter("datakit_input_late_total", "Gatherings that took longer than the interval.", float64(i.Late), labels...)
	e.counter("datakit_input_errors_total", "Errors it reported.", float64(i.Errors), labels...)
	e.counter("datakit_input_restarts_total", "How often it was run again after an error or a panic.", float64(i.Restarts), labels...)
	e.counter("datakit_input_points_total", "Points it fed.", float64(i.Points), labels...)
	e.gauge("datakit_input_gather_seconds", "Duration of the last gathering.", i.Duration.Seconds(), labels...)
}

func (e exposition) child(c ChildState) {
	name := label{"child", c.Name}
	e.gauge("datakit_child_up", "1 while the external collector runs.", flag(c.PID != 0), name)
	e.counter("datakit_child_restarts_total", "How often it was started again.", float64(c.Restarts), name)
	e.gauge("datakit_child_resident_bytes", "Resident memory.", float64(c.RSS), name)
	e.gauge("datakit_child_cpu_cores", "CPU use over the window of cpu_limit.", c.CPU, name)
	e.counter("datakit_child_unreported_points_total", "Points that were pending in one that died.", float64(c.Unreported), name)
	for _, p := range c.Plugins {
		plugin := label{"plugin", p.Name}
		e.gauge("datakit_plugin_up", "1 while the plugin runs.", flag(p.Phase == plugins.PhaseRunning), name, plugin)
		for _, h := range p.Hooks {
			e.gauge("datakit_plugin_hook_attached", "1 where the plugin is attached.", flag(h.OK),
				name, plugin, label{"feature", h.Feature}, label{"attach", h.Attach})
		}
	}
	feed := c.Feed
	feed.Name = "child/" + c.Name
	e.feed(feed)
}

func (e exposition) feed(f FeedState) {
	name := label{"feed", f.Name}
	e.counter("datakit_feed_captured_points_total", "Points that came in.", float64(f.Captured), name)
	e.counter("datakit_feed_emitted_points_total", "Points handed on.", float64(f.Emitted), name)
	e.counter("datakit_feed_filtered_points_total", "Points a filter took out.", float64(f.Filtered), name)
	e.counter("datakit_feed_sampled_points_total", "Points sampling took out.", float64(f.Sampled), name)
	e.gauge("datakit_feed_pending_points", "Points held.", float64(f.Pending), name)
	e.dropped("datakit_feed_dropped_points_total", "Points dropped, by reason.", f.Dropped, name)
}

func (e exposition) queue(q QueueState) {
	e.gauge("datakit_queue_bytes", "Bytes on disk.", float64(q.Bytes))
	e.gauge("datakit_queue_max_bytes", "Their bound.", float64(q.MaxBytes))
	e.gauge("datakit_queue_full", "1 while clients get 429.", flag(q.Full))
	e.counter("datakit_queue_damaged_regions_total", "Stretches of damaged bytes set aside.", float64(q.DamagedRegions))
	e.counter("datakit_queue_write_errors_total", "Blocks refused because of the file system.", float64(q.WriteErrors))
	e.counter("datakit_queue_sync_errors_total", "Failed attempts to force data to the device.", float64(q.SyncErrors))
	for _, c := range q.Cursors {
		labels := []label{{"backend", c.Backend}, {"category", c.Category}}
		e.counter("datakit_queue_carried_points_total", "Points found when the queue was opened.", float64(c.Carried), labels...)
		e.counter("datakit_queue_put_points_total", "Points added since.", float64(c.Put), labels...)
		e.counter("datakit_queue_uploaded_points_total", "Points delivered since.", float64(c.Uploaded), labels...)
		e.gauge("datakit_queue_points", "Points that wait for the backend.", float64(c.Queued), labels...)
		e.dropped("datakit_queue_dropped_points_total", "Points dropped, by reason.", c.Dropped, labels...)
		if !c.Oldest.IsZero() {
			e.gauge("datakit_queue_oldest_time_seconds", "When the oldest waiting point was queued.", seconds(c.Oldest), labels...)
		}
	}
}

func (e exposition) backend(b BackendState) {
	backend := label{"backend", b.Backend}
	e.gauge("datakit_backend_up", "0 while the backend refuses or does not answer.", flag(b.Failures == 0), backend)
	e.gauge("datakit_backend_alarm", "1 while someone has to act, for example to renew a token.", flag(b.Alarm != ""), backend)
	e.gauge("datakit_backend_in_flight_points", "Points in requests under way.", float64(b.InFlight), backend)
	if !b.LastSuccess.IsZero() {
		e.gauge("datakit_backend_last_success_time_seconds", "When the backend last took data.", seconds(b.LastSuccess), backend)
	}
	for _, t := range b.Traffic {
		labels := []label{backend, {"category", t.Category}}
		e.counter("datakit_upload_requests_total", "Requests sent.", float64(t.Requests), labels...)
		e.counter("datakit_upload_points_total", "Points delivered.", float64(t.Points), labels...)
		e.counter("datakit_upload_bytes_total", "Bytes of bodies delivered.", float64(t.Bytes), labels...)
		e.counter("datakit_upload_retries_total", "Requests that failed and were made again.", float64(t.Retries), labels...)
		e.counter("datakit_upload_unsaved_points_total", "Refused points that could not be kept as dead letters.", float64(t.Unsaved), labels...)
		for reason, n := range t.DeadLetters {
			e.counter("datakit_upload_refused_points_total", "Points refused for good, by reason.", float64(n), backend, label{"category", t.Category}, label{"reason", reason})
		}
	}
}

func (e exposition) account(a ledger.Account) {
	labels := []label{{"account", a.Name}, {"unit", a.Unit}}
	e.gauge("datakit_ledger_balance", "What the account cannot explain; 0 when nothing is lost.", float64(a.Balance()), labels...)
	for side, entries := range map[string][]ledger.Entry{"in": a.In, "out": a.Out, "held": a.Held} {
		for _, entry := range entries {
			e.gauge("datakit_ledger_entry", "One part of an account.", float64(entry.Count), append(labels[:2:2],
				label{"side", side}, label{"entry", entry.Name}, label{"reason", entry.Reason})...)
		}
	}
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
