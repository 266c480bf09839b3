package limit

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/size"
)

// parseCPU reads a number of cores, "2.0". "" and "0" mean no limit, 0.
func parseCPU(text string) (cores float64, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	cores, err = strconv.ParseFloat(text, 64)
	if err != nil || cores < 0 || math.IsNaN(cores) || math.IsInf(cores, 0) {
		return 0, fmt.Errorf("%q is not a number of CPU cores; write a number such as 0.5 or 2.0", text)
	}
	return cores, nil
}

// parseBytes reads an amount of memory, "4GiB" (see [size.Parse]). "" means
// no limit, 0.
func parseBytes(text string) (bytes int64, err error) {
	if strings.TrimSpace(text) == "" {
		return 0, nil
	}
	bytes, err = size.Parse(text)
	if err == nil && bytes == 0 {
		// Less than a byte would mean no limit, and nobody means that.
		err = fmt.Errorf("%q is nothing at all; leave the key out for no limit", text)
	}
	return bytes, err
}

// parseRate reads bytes per second, "100MiB/s"; "/s" may be left out. ""
// means no limit, 0.
func parseRate(text string) (bytesPerSecond int64, err error) {
	amount := strings.TrimSpace(text)
	if n := len(amount) - len("/s"); n > 0 && strings.EqualFold(amount[n:], "/s") {
		amount = amount[:n]
	}
	return parseBytes(amount)
}
