//go:build e2e

package e2e

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// Without a backend everything lies in the local store, readable with zcat.
func TestNoBackend(t *testing.T) {
	a := newAgent(t, t.TempDir())
	a.start(t)
	w := newWriter(t, a, "local")
	w.must(t, 5000)
	a.kill() // in between: what was acknowledged is stored afterwards
	a.start(t)
	w.must(t, 5000)
	eventually(t, 20*time.Second, func() (bool, string) {
		found, err := stored(a, "local")
		if err != nil {
			return false, err.Error()
		}
		state := w.missing(found)
		return state == "", state
	})
	a.accounts(t)
	a.stop()
}

// stored returns the values of v of a measurement in the local store.
func stored(a *agent, measurement string) (map[int64]int, error) {
	files, err := filepath.Glob(filepath.Join(a.home, "data/store/network-*.lp.gz"))
	if err != nil {
		return nil, err
	}
	value := regexp.MustCompile(`^` + measurement + `,.* v=(\d+)i \d+$`)
	found := map[int64]int{}
	for _, path := range files {
		if err := scan(path, func(line string) {
			if m := value.FindStringSubmatch(line); m != nil {
				id, _ := strconv.ParseInt(m[1], 10, 64) // digits
				found[id]++
			}
		}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// scan calls f with every line of a compressed file. The last member may be
// cut off: it was being written when the agent was killed.
func scan(path string, f func(line string)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		f(lines.Text())
	}
	if err := lines.Err(); !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return nil
}
