package dataway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"datakit.dev/agent/internal/point"
)

const (
	// DefaultStoreBytes bounds a store whose configuration does not.
	DefaultStoreBytes = 256 << 20
	// maxStoreFiles bounds the number of files where they are all small.
	maxStoreFiles = 512
)

// StoreConfig configures a [Store].
type StoreConfig struct {
	Dir      string
	MaxBytes int64            // of all files; 0 is DefaultStoreBytes
	Now      func() time.Time // nil is time.Now
}

// Store keeps line protocol in files of bounded total size:
//
//	<dir>/network-20261121T044100.000000000Z.lp.gz
//
// Payloads are appended as they are, so a file of gzip members is read with
// zcat. A file is closed at a sixteenth of the bound, and the oldest files are
// removed to make room. After a restart new files are begun, so that a write
// cut short by a crash spoils nothing after it: such a file ends in the middle
// of a payload, which was not acknowledged.
//
// It is the backend of kind file, and holds what backends refuse.
type Store struct {
	cfg StoreConfig

	mu    sync.Mutex
	files *catalogue // nil until the first write
	open  map[string]*segment
	stats StoreStats
}

// StoreStats describes a store since its start.
type StoreStats struct {
	Points, Bytes int64 // written
	Held          int64 // bytes in the folder
	Files         int   // in the folder
	Removed       int64 // bytes of files removed to stay within the bound
}

// segment is a file that is being written.
type segment struct {
	*os.File
	name string
	size int64
	torn bool // ends in the middle of a payload
}

// NewStore validates the configuration; the folder is made by the first write.
func NewStore(cfg StoreConfig) (*Store, error) {
	if cfg.Dir == "" {
		return nil, errors.New("dir: a store needs a folder")
	}
	if cfg.MaxBytes < 0 {
		return nil, fmt.Errorf("max_bytes: %d is negative", cfg.MaxBytes)
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultStoreBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{cfg: cfg, open: map[string]*segment{}}, nil
}

// Write appends payloads of category c and encoding e, points lines in all,
// and returns when they are on disk. After an error nothing of them is there.
func (s *Store) Write(c point.Category, e point.Encoding, points int, parts [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		files, err := openCatalogue(s.cfg.Dir)
		if err != nil {
			return fmt.Errorf("open store: %w", err)
		}
		s.files = files
	}
	n := size(parts)
	if n == 0 {
		return nil
	}
	if n > s.cfg.MaxBytes {
		return fmt.Errorf("write to store: %d bytes exceed its bound of %d", n, s.cfg.MaxBytes)
	}
	key := c.String() + suffix(e)
	f, err := s.segment(key, c, e, n)
	if err != nil {
		return err
	}
	s.shrink(n, f.name)
	if err := f.append((&body{parts: parts}).reader(), n); err != nil {
		if f.torn {
			s.drop(key)
		}
		return fmt.Errorf("write to store: %w", err)
	}
	s.files.grow(f.name, n)
	s.stats.Points += int64(points)
	s.stats.Bytes += n
	return nil
}

// segment returns the file to append n bytes to.
func (s *Store) segment(key string, c point.Category, e point.Encoding, n int64) (*segment, error) {
	if f := s.open[key]; f != nil {
		if f.size+n <= s.cfg.MaxBytes/16 {
			return f, nil
		}
		s.drop(key)
	}
	name := c.String() + "-" + s.cfg.Now().UTC().Format(stampLayout) + suffix(e)
	file, err := os.OpenFile(filepath.Join(s.cfg.Dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin a file of the store: %w", err)
	}
	if err := syncDir(s.cfg.Dir); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("begin a file of the store: %w", err)
	}
	f := &segment{File: file, name: name}
	s.files.grow(name, 0)
	s.open[key] = f
	return f, nil
}

// append writes the n bytes of r and syncs them, or leaves the file as it was.
func (f *segment) append(r io.Reader, n int64) error {
	_, err := io.Copy(f.File, r)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		undo := f.Truncate(f.size)
		f.torn = undo != nil
		return errors.Join(err, undo)
	}
	f.size += n
	return nil
}

// drop closes an open file.
func (s *Store) drop(key string) {
	if f := s.open[key]; f != nil {
		_ = f.Close() // all of it is synced
		delete(s.open, key)
	}
}

// shrink removes the oldest files, but not the one named, until n more bytes
// fit.
func (s *Store) shrink(n int64, but string) {
	for s.files.bytes+n > s.cfg.MaxBytes || len(s.files.files) > maxStoreFiles {
		name, size, ok := s.files.removeOldest(s.cfg.Dir, but)
		if !ok {
			return
		}
		s.stats.Removed += size
		for key, f := range s.open {
			if f.name == name {
				s.drop(key)
			}
		}
	}
}

// Stats returns the counters.
func (s *Store) Stats() StoreStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	if s.files != nil {
		stats.Held, stats.Files = s.files.bytes, len(s.files.files)
	}
	return stats
}

// Close closes the files. Writing may go on afterwards, to new files.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.open {
		s.drop(key)
	}
	return nil
}

// post makes a store a backend: what is on disk is delivered.
func (s *Store) post(_ context.Context, c point.Category, e point.Encoding, points int, parts [][]byte) (Reply, error) {
	if err := s.Write(c, e, points, parts); err != nil {
		return Reply{Verdict: Slow}, err
	}
	return Reply{Verdict: Done}, nil
}

func (s *Store) close() error { return s.Close() }
