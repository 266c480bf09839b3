package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// readFile returns the content of a small file.
func readFile(name string) (string, error) {
	data, err := os.ReadFile(name)
	return string(data), err
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// absent turns the errors of a controller that is off, or of a cgroup that is
// being removed, into nil: what they would tell is then not known.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

func readUint(name string) (uint64, error) {
	text, err := readFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(text), 10, 64)
}

func readInt(name string) (int64, error) {
	text, err := readFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(text), 10, 64)
}

// keyed finds a line "key value".
func keyed(text, key string) (uint64, bool) {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
			n, err := strconv.ParseUint(v, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// parseCPUMax reads "quota period" of cpu.max in cores; 0 for "max".
func parseCPUMax(text string) float64 {
	quota, period, _ := strings.Cut(strings.TrimSpace(text), " ")
	q, qerr := strconv.ParseUint(quota, 10, 64)
	p, perr := strconv.ParseUint(period, 10, 64)
	if qerr != nil || perr != nil || p == 0 {
		return 0
	}
	return float64(q) / float64(p)
}

// parseIOStat sums io.stat: "8:0 rbytes=1 wbytes=2 rios=3 …".
func parseIOStat(text string) (read, written uint64) {
	for field := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(field, "=")
		n, err := strconv.ParseUint(value, 10, 64)
		switch {
		case err != nil:
		case key == "rbytes":
			read += n
		case key == "wbytes":
			written += n
		}
	}
	return read, written
}

// parseBlkio sums blkio.throttle.io_service_bytes: "8:0 Read 1".
func parseBlkio(text string) (read, written uint64) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		n, err := strconv.ParseUint(f[2], 10, 64)
		switch {
		case err != nil:
		case f[1] == "Read":
			read += n
		case f[1] == "Write":
			written += n
		}
	}
	return read, written
}
