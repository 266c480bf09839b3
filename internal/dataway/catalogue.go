package dataway

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"datakit.dev/agent/internal/point"
)

// stampLayout is the time in the name of a file, UTC. It sorts as text.
const stampLayout = "20060102T150405.000000000Z"

// suffix returns how the names of files of an encoding end.
func suffix(e point.Encoding) string {
	switch e {
	case point.Gzip:
		return ".lp.gz"
	case point.Zstd:
		return ".lp.zst"
	default:
		return ".lp"
	}
}

// catalogue lists the files of a store, oldest first.
type catalogue struct {
	files []stored
	bytes int64
}

type stored struct {
	name string
	size int64
}

// stamp returns the part of a file's name that tells its age.
func (f stored) stamp() string {
	_, stamp, _ := strings.Cut(f.name, "-")
	return stamp
}

// openCatalogue makes the folder and lists the files in it. What does not
// look like a file of a store is left alone.
func openCatalogue(dir string) (*catalogue, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	c := &catalogue{}
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), "-")
		if _, err := point.ParseCategory(name); err != nil || !e.Type().IsRegular() || !strings.Contains(e.Name(), ".lp") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if info.Size() == 0 { // begun just before a crash; zcat complains of it
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
			continue
		}
		c.grow(e.Name(), info.Size())
	}
	slices.SortFunc(c.files, func(a, b stored) int { return strings.Compare(a.stamp(), b.stamp()) })
	return c, nil
}

// grow adds n bytes to a file, which is added when it is new.
func (c *catalogue) grow(name string, n int64) {
	c.bytes += n
	for i := len(c.files) - 1; i >= 0; i-- { // those that grow are at the end
		if c.files[i].name == name {
			c.files[i].size += n
			return
		}
	}
	c.files = append(c.files, stored{name, n})
}

// removeOldest removes the oldest file of dir, but not the one named; ok is
// false when there is none or it cannot be removed.
func (c *catalogue) removeOldest(dir, but string) (name string, size int64, ok bool) {
	i := slices.IndexFunc(c.files, func(f stored) bool { return f.name != but })
	if i < 0 {
		return "", 0, false
	}
	f := c.files[i]
	if err := os.Remove(filepath.Join(dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", 0, false
	}
	c.bytes -= f.size
	c.files = slices.Delete(c.files, i, i+1)
	return f.name, f.size, true
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
