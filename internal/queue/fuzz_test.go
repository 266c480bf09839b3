package queue

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

// records encodes blocks as a segment holds them.
func records(numbers ...uint64) (segment []byte) {
	before := uint64(0)
	for _, n := range numbers {
		b := numbered(point.Metric, n, 3, 40)
		h := header{category: b.Category, encoding: b.Encoding, seq: n, before: before, written: int64(n),
			points: 3, raw: uint32(b.RawBytes), length: uint32(len(b.Payload)), sum: crc32.Checksum(b.Payload, castagnoli)}
		var head [headerSize]byte
		h.put(&head)
		segment = append(append(segment, head[:]...), b.Payload...)
		before += 3
	}
	return segment
}

// FuzzScanner feeds arbitrary bytes to the reader of segments: it never
// panics, covers the file without gap or overlap, believes only records that
// are really there, and allocates no more than the file is long.
func FuzzScanner(f *testing.F) {
	good := records(1, 2, 3)
	f.Add(good)
	f.Add(good[:len(good)-5])
	f.Add(append([]byte("DKQR garbage"), good...))
	f.Add(bytes.Replace(good, []byte(recordMagic), []byte("xxxx"), 1))
	huge := header{version: 1, category: point.Metric, seq: 1, length: maxPayload}
	var head [headerSize]byte
	huge.put(&head)
	f.Add(append(head[:], good...))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newScanner(bytes.NewReader(data), point.Metric, 0, int64(len(data)))
		var off int64
		var last uint64
		for {
			found, err := s.next()
			if err != nil {
				if err != io.EOF && !errors.Is(err, ErrVersion) {
					t.Fatal(err)
				}
				if err == io.EOF && off != int64(len(data)) {
					t.Fatalf("ended at %d of %d", off, len(data))
				}
				break
			}
			if found.off != off || found.size <= 0 {
				t.Fatalf("stretch %+v at %d", found, off)
			}
			off += found.size
			if found.kind != whole {
				continue
			}
			if found.head.seq < last+1 && last > 0 || found.head.category != point.Metric {
				t.Fatalf("record %+v after %d", found.head, last)
			}
			last = found.head.seq
			var again [headerSize]byte
			found.head.put(&again)
			at := data[found.off:]
			if !bytes.Equal(at[8:headerSize-4], again[8:headerSize-4]) || !bytes.Equal(at[headerSize:found.size], found.payload) {
				t.Fatalf("record at %d differs from the bytes there", found.off)
			}
		}
		if cap(s.window) > len(data) {
			t.Fatalf("%d bytes allocated for %d", cap(s.window), len(data))
		}
	})
}

// FuzzOpen puts arbitrary bytes in the place of a segment and of a cursor: the
// queue opens (or names a newer version), takes a block and delivers it, and
// the counters add up.
func FuzzOpen(f *testing.F) {
	slot := putSlot(position{seq: 2, points: 3, base: 1, off: 100}, 1)
	f.Add(records(1, 2, 3), append(slot[:], make([]byte, slotDistance)...))
	f.Add(records(2, 3), slot[:30])
	f.Add([]byte("garbage"), []byte("garbage"))
	f.Add(records(1, 7)[:150], []byte{})
	f.Fuzz(func(t *testing.T, segment, cursor []byte) {
		dir := memoryDir(t)
		logDir := filepath.Join(dir, "metric")
		if err := os.MkdirAll(logDir, 0o700); err != nil {
			t.Fatal(err)
		}
		for path, data := range map[string][]byte{segmentPath(logDir, 1): segment, cursorPath(logDir, "a"): cursor} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		q, err := Open(Config{Dir: dir, SyncInterval: time.Hour}, []string{"a"})
		if errors.Is(err, ErrVersion) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer closeQueue(t, q)
		put(t, q, numbered(point.Metric, 99, 1, 10))
		c := q.Cursor("a", point.Metric)
		var last point.Block
		for !empty(t, c) {
			entries := ready(t, c)
			last = entries[len(entries)-1].Block
			last.Payload = bytes.Clone(last.Payload)
			c.Ack(len(entries))
		}
		if !bytes.Equal(last.Payload, numbered(point.Metric, 99, 1, 10).Payload) {
			t.Fatalf("the block put last did not come out: %+v", last)
		}
		stats(t, q, "a", point.Metric)
	})
}
