package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// A cursor file has two slots, each in a page of its own and written in turn:
//
//	 0  magic       "DKQC"
//	 4  version     1
//	 8  generation  the slot with the higher one counts
//	16  seq, points, base, off of the position
//	48  CRC-32C     of bytes 0 to 47
//
// A slot that was torn by the loss of power fails its checksum; the other one
// then holds the position before.
const (
	slotSize     = 52
	slotDistance = 4096
	cursorMagic  = "DKQC"
	cursorSuffix = ".cursor"
)

// errNoSlot says that neither slot of a cursor file is good.
var errNoSlot = errors.New("cursor file has no valid slot")

// cursorFile is the durable position of one backend in one log.
type cursorFile struct {
	f          *os.File
	generation uint64
}

// cursorPath is the file of a backend's cursor. Any name is allowed.
func cursorPath(dir, backend string) string {
	return filepath.Join(dir, url.PathEscape(backend)+cursorSuffix)
}

// cursorBackend is the inverse of cursorPath; false for other files.
func cursorBackend(path string) (string, bool) {
	name, ok := strings.CutSuffix(filepath.Base(path), cursorSuffix)
	if !ok {
		return "", false
	}
	backend, err := url.PathUnescape(name)
	return backend, err == nil
}

// createCursor makes a cursor file with its full size, so that saving needs no
// further space. The file appears complete or not at all.
func createCursor(path string, p position) (*cursorFile, error) {
	temporary := path + ".tmp"
	f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, storage("create cursor", err)
	}
	c := &cursorFile{f: f}
	err = errors.Join(c.save(p), c.save(p), f.Sync())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(temporary)
		return nil, storage("create cursor", err)
	}
	return c, nil
}

// openCursor opens a cursor file and reads its position.
func openCursor(path string) (*cursorFile, position, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, position{}, fmt.Errorf("open cursor: %w", err)
	}
	c := &cursorFile{f: f}
	p, err := c.load()
	if err != nil {
		_ = f.Close()
		return nil, position{}, fmt.Errorf("read cursor %s: %w", path, err)
	}
	return c, p, nil
}

func (c *cursorFile) load() (position, error) {
	var best position
	err := errNoSlot
	for i := range int64(2) {
		var b [slotSize]byte
		if _, readErr := c.f.ReadAt(b[:], i*slotDistance); readErr != nil {
			continue
		}
		p, generation, version, ok := parseSlot(b[:])
		switch {
		case !ok:
		case version > formatVersion:
			return position{}, newer("cursor", version)
		case err != nil || generation > c.generation:
			best, c.generation, err = p, generation, nil
		}
	}
	return best, err
}

// save writes p over the older slot. It is in the page cache on return.
func (c *cursorFile) save(p position) error {
	next := c.generation + 1
	b := putSlot(p, next)
	if _, err := c.f.WriteAt(b[:], int64(next%2)*slotDistance); err != nil {
		return err
	}
	c.generation = next
	return nil
}

func putSlot(p position, generation uint64) (b [slotSize]byte) {
	le := binary.LittleEndian
	copy(b[:], cursorMagic)
	b[4] = formatVersion
	le.PutUint64(b[8:], generation)
	le.PutUint64(b[16:], p.seq)
	le.PutUint64(b[24:], p.points)
	le.PutUint64(b[32:], p.base)
	le.PutUint64(b[40:], uint64(p.off))
	le.PutUint32(b[48:], crc32.Checksum(b[:48], castagnoli))
	return b
}

func parseSlot(b []byte) (p position, generation uint64, version uint8, ok bool) {
	le := binary.LittleEndian
	if string(b[:4]) != cursorMagic || le.Uint32(b[48:]) != crc32.Checksum(b[:48], castagnoli) {
		return position{}, 0, 0, false
	}
	p = position{seq: le.Uint64(b[16:]), points: le.Uint64(b[24:]), base: le.Uint64(b[32:]), off: int64(le.Uint64(b[40:]))}
	return p, le.Uint64(b[8:]), b[4], true
}
