// Package size reads numbers of bytes as people write them.
package size

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are tried in this order: the longer suffix first.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9},
	{"k", 1e3}, {"m", 1e6}, {"g", 1e9},
}

// Parse reads "4GiB", "512MB" or "1.5g", in any letter case. KB, MB, GB and
// their short forms K, M, G are powers of 1000; KiB, MiB, GiB are powers of
// 1024. A number without a unit is refused, because nobody agrees on it.
func Parse(text string) (int64, error) {
	word := strings.ToLower(strings.TrimSpace(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(word, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n >= 0) || n*u.bytes > math.MaxInt64/2 {
			break
		}
		return int64(n * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is not a size; write a number and one of KB, MB, GB, KiB, MiB, GiB", text)
}
