package limit

import (
	"errors"
	"fmt"
)

// Limits are upper bounds; 0 is no limit.
type Limits struct {
	CPU float64 // cores, over a sliding window
	Mem int64   // resident bytes
	Net int64   // bytes per second, received or sent by any network interface but lo, over a sliding window
}

// Parse reads limits as they are configured. Its errors begin with the key.
func Parse(cpu, mem, net string) (l Limits, err error) {
	var errs [3]error
	l.CPU, errs[0] = parseCPU(cpu)
	l.Mem, errs[1] = parseBytes(mem)
	l.Net, errs[2] = parseRate(net)
	for i, key := range []string{"cpu_limit", "mem_limit", "net_limit"} {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("%s: %w", key, errs[i])
		}
	}
	return l, errors.Join(errs[:]...)
}

// Any reports whether there is a limit at all.
func (l Limits) Any() bool { return l.CPU > 0 || l.Mem > 0 || l.Net > 0 }

// Exceeded is the error of a process that went beyond a limit.
type Exceeded struct {
	Key       string // "cpu_limit", "mem_limit", "net_limit"
	Used, Max string // with units
	Where     string // the network interface and direction
}

// Error returns a sentence such as "cpu_limit exceeded: 2.31 cores used, 2 allowed".
func (e *Exceeded) Error() string {
	text := fmt.Sprintf("%s exceeded: %s used, %s allowed", e.Key, e.Used, e.Max)
	if e.Where != "" {
		text += " (" + e.Where + ")"
	}
	return text
}

func formatBytes(n float64) string {
	for _, u := range []struct {
		name  string
		bytes float64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes {
			return fmt.Sprintf("%.4g %s", n/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%.0f B", n)
}
