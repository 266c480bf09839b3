package cpu

import "datakit.dev/agent/internal/procfs"

// compare returns the share of time, in percent, spent in each state between
// two readings; user and nice without the guests that the kernel counts in
// them. It is false when no time passed, or when the CPU was offline in
// between and began to count anew.
//
// The idle and iowait times of a CPU may go back a little (proc(5)); such a
// state counts as zero.
func compare(before, after *procfs.CPUTimes) (shares [procfs.CPUStates]float64, ok bool) {
	if after.Total() < before.Total() || after.Ticks[procfs.System] < before.Ticks[procfs.System] {
		return shares, false
	}
	var spent [procfs.CPUStates]uint64
	for i := range spent {
		if after.Ticks[i] > before.Ticks[i] {
			spent[i] = after.Ticks[i] - before.Ticks[i]
		}
	}
	spent[procfs.User] -= min(spent[procfs.User], spent[procfs.Guest])
	spent[procfs.Nice] -= min(spent[procfs.Nice], spent[procfs.GuestNice])
	var total uint64
	for _, s := range spent {
		total += s
	}
	if total == 0 {
		return shares, false
	}
	for i, s := range spent {
		shares[i] = procfs.Percent(s, total)
	}
	return shares, true
}

// busy is the sum of all shares but idle.
func busy(shares *[procfs.CPUStates]float64) (sum float64) {
	for i, s := range shares {
		if i != procfs.Idle {
			sum += s
		}
	}
	return min(sum, 100) // a sum of floats may be a little more
}
