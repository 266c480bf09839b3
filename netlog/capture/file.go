package capture

import (
	"errors"
	"io"
	"os"
	"sync"

	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

// batch is how many records of a file make a batch.
const batch = 512

// File is a capture file as a source.
type File struct {
	reader  *pcap.Reader
	decoder packet.Decoder
	packet  packet.Packet

	mu     sync.Mutex // of what follows
	stats  Stats
	closed bool
}

var _ Source = (*File)(nil)

// NewFile makes a source of a capture file. The caller closes what the reader
// reads, after the source.
func NewFile(r *pcap.Reader) *File { return &File{reader: r} }

// Next hands on the next records; io.EOF says that there are no more.
func (f *File) Next(do func(*packet.Packet)) (n int, err error) {
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return 0, os.ErrClosed
	}
	var rec pcap.Record
	p := &f.packet
	read, dropped := int64(0), uint64(0)
	for range batch {
		if err = f.reader.Next(&rec); err != nil {
			break
		}
		read++
		dropped += rec.Dropped
		p.Time, p.Interface, p.Dir = rec.Time, rec.Interface, rec.Dir
		if f.decoder.Decode(rec.Data, rec.Wire, rec.Link, p) == nil {
			n++
			do(p)
		}
	}
	f.count(read, int64(n), dropped, err)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil // next time
	}
	return n, err
}

// count adds a batch. Frames that were lost between two records count as
// received and dropped, as those do that a ring had no room for; when the
// file has no such records, its statistics say how many were.
func (f *File) count(read, delivered int64, dropped uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.stats
	s.Received += read + int64(dropped)
	s.Dropped += int64(dropped)
	s.Delivered += delivered
	s.Refused = f.decoder.Refused
	if err == nil || s.Dropped != 0 {
		return
	}
	for _, i := range f.reader.Interfaces() {
		s.Received += int64(i.Dropped)
		s.Dropped += int64(i.Dropped)
	}
}

// Stats counts what was read so far.
func (f *File) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

// Close ends the source.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}
