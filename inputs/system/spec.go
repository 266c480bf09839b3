package system

import "datakit.dev/agent/internal/point"

func spec() []point.Measurement {
	number := func(key, unit, help string) point.FieldSpec {
		return point.FieldSpec{Key: key, Unit: unit, Kind: point.KindInt, Help: help}
	}
	float := func(key, unit, help string) point.FieldSpec {
		return point.FieldSpec{Key: key, Unit: unit, Kind: point.KindFloat, Help: help}
	}
	optional := func(f point.FieldSpec) point.FieldSpec { f.Optional = true; return f }
	return []point.Measurement{
		{
			Name: Name, Category: point.Metric, Help: "The machine as a whole.",
			Fields: []point.FieldSpec{
				float("load1", "count", "Mean number of tasks that run or wait, over 1 minute."),
				float("load5", "count", "Over 5 minutes."),
				float("load15", "count", "Over 15 minutes."),
				float("load1_per_core", "count", "load1 divided by n_cpus."),
				float("load5_per_core", "count", "load5 divided by n_cpus."),
				float("load15_per_core", "count", "load15 divided by n_cpus."),
				number("n_cpus", "count", "CPUs that are online."),
				optional(number("n_users", "count", "Sessions of logged-in users; absent where the agent must not know.")),
				number("uptime", "s", "Time since boot."),
				number("process_count", "count", "Processes; threads do not count."),
				float("memory_usage", "percent", "Memory that is not available, see mem."),
				optional(float("cpu_total_usage", "percent", "CPU time that was not idle since the measurement before; absent from the first.")),
			},
		}, {
			Name: "conntrack", Category: point.Metric, Help: "Connection tracking of the kernel, where it is loaded. Counts are since boot and over all CPUs; some kernels show none.",
			Fields: []point.FieldSpec{
				number("entries", "count", "Connections that are tracked now."),
				number("entries_limit", "count", "How many there may be."),
				optional(number("stat_found", "count", "Successful look-ups.")),
				optional(number("stat_invalid", "count", "Packets that cannot be tracked.")),
				optional(number("stat_ignore", "count", "Packets of connections that are tracked already; not counted by newer kernels.")),
				optional(number("stat_insert", "count", "Entries inserted.")),
				optional(number("stat_insert_failed", "count", "Insertions that failed, because the entry was there already.")),
				optional(number("stat_drop", "count", "Packets dropped because tracking failed.")),
				optional(number("stat_early_drop", "count", "Entries dropped to make room.")),
				optional(number("stat_search_restart", "count", "Look-ups begun again because the table was resized.")),
			},
		}, {
			Name: "filefd", Category: point.Metric, Help: "Open files of the whole machine.",
			Fields: []point.FieldSpec{
				number("allocated", "count", "File handles in use."),
				float("maximum_mega", "10^6", "How many there may be, in millions."),
			},
		}, {
			Name: "pressure", Category: point.Metric, Help: "Pressure stall information: the share of time in which some or all tasks waited for a resource.",
			Tags: []point.TagSpec{{Key: "resource", Help: "cpu, memory, io or irq."}},
			Fields: []point.FieldSpec{
				optional(float("some_avg10", "percent", "At least one task waited, over 10 s.")),
				optional(float("some_avg60", "percent", "Over 60 s.")),
				optional(float("some_avg300", "percent", "Over 300 s.")),
				optional(number("some_total", "us", "Since boot.")),
				optional(float("full_avg10", "percent", "All tasks waited at once, over 10 s.")),
				optional(float("full_avg60", "percent", "Over 60 s.")),
				optional(float("full_avg300", "percent", "Over 300 s.")),
				optional(number("full_total", "us", "Since boot.")),
			},
		},
	}
}
