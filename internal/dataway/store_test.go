package dataway

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

// clock is a time that advances by a second with every look at it.
func clock() func() time.Time {
	now := time.Date(2026, 11, 21, 4, 41, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func store(t *testing.T, cfg StoreConfig) *Store {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = clock()
	}
	s, err := NewStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// list returns the names in a folder and the sum of their sizes.
func list(t *testing.T, dir string) (names []string, bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name())
		bytes += info.Size()
	}
	return names, bytes
}

func TestStoreKeepsLines(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "the", "store")
	s := store(t, StoreConfig{Dir: dir})
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is there before the first write")
	}
	c := &Client{Target{Name: "local"}, s}
	for i := range 3 {
		line := fmt.Sprintf("m f=%di %d\n", i, i)
		reply, err := c.Post(t.Context(), point.Network, point.Gzip, 2, [][]byte{gzipped(t, line), gzipped(t, line)})
		if err != nil || reply.Verdict != Done {
			t.Fatalf("%+v, %v", reply, err)
		}
	}
	if err := s.Write(point.Logging, point.Identity, 1, [][]byte{[]byte("l f=\"x\" 1\n")}); err != nil {
		t.Fatal(err)
	}
	names, bytes := list(t, dir)
	if want := []string{"logging-20261121T044102.000000000Z.lp", "network-20261121T044101.000000000Z.lp.gz"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	f, err := os.Open(filepath.Join(dir, names[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if want := "m f=0i 0\nm f=0i 0\nm f=1i 1\nm f=1i 1\nm f=2i 2\nm f=2i 2\n"; err != nil || string(text) != want {
		t.Errorf("%q (%v), want %q", text, err, want)
	}
	stats, ok := c.StoreStats()
	if want := (StoreStats{Points: 7, Bytes: bytes, Held: bytes, Files: 2}); !ok || stats != want {
		t.Errorf("stats %+v, want %+v", stats, want)
	}
}

func TestStoreIsBounded(t *testing.T) {
	const bound = 16 << 10
	tests := []struct {
		name       string
		payload    int
		categories []point.Category
		encodings  []point.Encoding
	}{
		{"small payloads", 100, []point.Category{point.Network}, []point.Encoding{point.Gzip}},
		{"a file each", 2000, []point.Category{point.Network}, []point.Encoding{point.Gzip}},
		{"as large as the bound", bound, []point.Category{point.Network, point.Metric}, []point.Encoding{point.Gzip}},
		{"many files open at once", 1000, point.Categories(), []point.Encoding{point.Identity, point.Gzip, point.Zstd}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := store(t, StoreConfig{Dir: dir, MaxBytes: bound})
			var written int64
			for range 300 {
				for _, c := range tt.categories {
					for _, e := range tt.encodings {
						if written > 20*bound {
							break
						}
						if err := s.Write(c, e, 1, [][]byte{make([]byte, tt.payload)}); err != nil {
							t.Fatal(err)
						}
						written += int64(tt.payload)
						if stats := s.Stats(); stats.Held > bound || stats.Held+stats.Removed != written {
							t.Fatalf("stats %+v after %d bytes", stats, written)
						}
					}
				}
			}
			names, bytes := list(t, dir)
			if stats := s.Stats(); bytes != stats.Held || len(names) != stats.Files || bytes < bound/4 {
				t.Errorf("%d bytes in %d files, stats %+v", bytes, len(names), stats)
			}
		})
	}
}

func TestStoreAfterRestart(t *testing.T) {
	dir := t.TempDir()
	now := clock()
	foreign := []string{"notes.txt", "network.lp", "strange-20200101T000000.000000000Z.lp", "network-20200101T000000.000000000Z.lp.d/x"}
	for _, name := range foreign {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), make([]byte, 5000))
	}
	empty := filepath.Join(dir, "network-20261101T000000.000000000Z.lp.gz")
	write(t, empty, nil)
	for range 3 {
		s := store(t, StoreConfig{Dir: dir, MaxBytes: 4000, Now: now})
		for range 5 {
			if err := s.Write(point.Network, point.Gzip, 1, [][]byte{make([]byte, 1000)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if stats := s.Stats(); stats.Held != 4000 {
			t.Errorf("stats %+v", stats)
		}
	}
	if _, err := os.Stat(empty); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file begun before a crash is left empty: %v", err)
	}
	for _, name := range foreign {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("a file that is not the store's: %v", err)
		}
	}
}

func TestStoreOfManySmallFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range maxStoreFiles + 20 {
		write(t, filepath.Join(dir, fmt.Sprintf("metric-20251121T044102.%09dZ.lp", i)), []byte("x"))
	}
	s := store(t, StoreConfig{Dir: dir})
	if err := s.Write(point.Network, point.Gzip, 1, [][]byte{[]byte("y")}); err != nil {
		t.Fatal(err)
	}
	names, _ := list(t, dir)
	if len(names) != maxStoreFiles || names[0] != "metric-20251121T044102.000000021Z.lp" {
		t.Errorf("%d files, the first is %s", len(names), names[0])
	}
}

func TestStoreThatCannotWrite(t *testing.T) {
	t.Run("larger than the bound", func(t *testing.T) {
		s := store(t, StoreConfig{Dir: t.TempDir(), MaxBytes: 100})
		if err := s.Write(point.Network, point.Gzip, 1, [][]byte{make([]byte, 101)}); err == nil || !strings.Contains(err.Error(), "bound of 100") {
			t.Error(err)
		}
	})
	t.Run("folder that cannot be made", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		write(t, file, nil)
		c := client(t, Target{Kind: File, Dir: filepath.Join(file, "store")})
		reply, err := postOne(t, c)
		if reply.Verdict != Slow || err == nil {
			t.Errorf("%+v, %v", reply, err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if reply, err = postOne(t, c); reply.Verdict != Done {
			t.Errorf("after the obstacle is gone: %+v, %v", reply, err)
		}
	})
	t.Run("write that fails half way leaves nothing", func(t *testing.T) {
		dir := t.TempDir()
		s := store(t, StoreConfig{Dir: dir})
		if err := s.Write(point.Network, point.Identity, 1, [][]byte{[]byte("first\n")}); err != nil {
			t.Fatal(err)
		}
		f := s.open["network.lp"]
		if err := f.append(io.MultiReader(strings.NewReader("half"), broken{}), 8); !errors.Is(err, errBroken) || f.torn {
			t.Errorf("torn %v, %v", f.torn, err)
		}
		if err := s.Write(point.Network, point.Identity, 1, [][]byte{[]byte("second\n")}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(f.Name())
		if err != nil || string(text) != "first\nsecond\n" {
			t.Errorf("%q, %v", text, err)
		}
	})
	t.Run("file that is torn is left", func(t *testing.T) {
		dir := t.TempDir()
		s := store(t, StoreConfig{Dir: dir})
		for _, text := range []string{"first\n", "second\n", "third\n"} {
			err := s.Write(point.Network, point.Identity, 1, [][]byte{[]byte(text)})
			if (err == nil) != (text != "second\n") {
				t.Errorf("%q: %v", text, err)
			}
			if text == "first\n" {
				_ = s.open["network.lp"].File.Close() // writing and cutting off both fail now
			}
		}
		if names, _ := list(t, dir); len(names) != 2 {
			t.Errorf("files %v", names)
		}
	})
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }
