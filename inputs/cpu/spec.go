package cpu

import (
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/procfs"
)

// usages are the fields of the states.
var usages = [procfs.CPUStates]struct{ key, help string }{
	procfs.User:      {"usage_user", "Programs, without virtual CPUs of guests."},
	procfs.Nice:      {"usage_nice", "Programs of lowered priority, without virtual CPUs of guests."},
	procfs.System:    {"usage_system", "The kernel."},
	procfs.Idle:      {"usage_idle", "Nothing to do."},
	procfs.IOWait:    {"usage_iowait", "Nothing to do while a request to a disk was under way."},
	procfs.IRQ:       {"usage_irq", "Interrupts."},
	procfs.SoftIRQ:   {"usage_softirq", "Soft interrupts."},
	procfs.Steal:     {"usage_steal", "Taken by other virtual machines of the hypervisor."},
	procfs.Guest:     {"usage_guest", "Virtual CPUs of guests."},
	procfs.GuestNice: {"usage_guest_nice", "Virtual CPUs of guests of lowered priority."},
}

func spec() []point.Measurement {
	m := point.Measurement{
		Name: Name, Category: point.Metric, Help: "Shares of CPU time since the measurement before.",
		Tags: []point.TagSpec{{Key: "cpu", Help: "\"cpu-total\", or with percpu the CPU, \"cpu0\" and so on."}},
	}
	for _, u := range usages {
		m.Fields = append(m.Fields, point.FieldSpec{Key: u.key, Unit: "percent", Kind: point.KindFloat, Help: u.help})
	}
	m.Fields = append(m.Fields,
		point.FieldSpec{Key: "usage_total", Unit: "percent", Kind: point.KindFloat, Help: "Sum of all but usage_idle."},
		point.FieldSpec{Key: "core_temperature", Unit: "Cel", Kind: point.KindFloat, Optional: true, Help: "Mean over the sensors of the driver coretemp; cpu-total only."},
		point.FieldSpec{Key: "load5s", Unit: "count", Kind: point.KindInt, Optional: true, Help: "Mean number of tasks that ran or waited since the measurement before, but over at least 5 s; cpu-total only."},
	)
	return []point.Measurement{m}
}
