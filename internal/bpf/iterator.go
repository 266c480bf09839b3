package bpf

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Iterator runs a program over all objects of a kind, whenever it is read.
type Iterator struct {
	link *link.Iter
	name string
	buf  []byte
}

// Iterator loads an iterator; m is the map of a bpf_map_elem iterator, nil
// for others. Close it.
func (o *Object) Iterator(program string, m *ebpf.Map) (*Iterator, error) {
	l, err := o.attach(program, func(p *ebpf.Program) (io.Closer, error) {
		return link.AttachIter(link.IterOptions{Program: p, Map: m})
	})
	if err != nil {
		return nil, err
	}
	return &Iterator{link: l.(*link.Iter), name: program}, nil
}

// readSize is what the kernel gathers before it returns (8 pages,
// kernel/bpf/bpf_iter.c).
const readSize = 8 * 4096

// Each runs the program over all objects and passes the records of size
// bytes that it writes to take, which must not keep them. An iterator over
// sockets sees the network namespace of the calling thread.
func (it *Iterator) Each(size int, take func(record []byte)) error {
	r, err := it.link.Open()
	if err != nil {
		return fmt.Errorf("open iterator %s: %w", it.name, err)
	}
	defer r.Close()
	if it.buf == nil {
		it.buf = make([]byte, readSize)
	}
	have := 0
	for {
		n, err := r.Read(it.buf[have:])
		have += n
		used := 0
		for size > 0 && have-used >= size {
			take(it.buf[used : used+size])
			used += size
		}
		have = copy(it.buf, it.buf[used:have])
		switch {
		case errors.Is(err, io.EOF) && have == 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("read iterator %s: %d bytes left over", it.name, have)
		case errors.Is(err, unix.EAGAIN): // a million objects went by without a record
		case err != nil:
			return fmt.Errorf("read iterator %s: %w", it.name, err)
		}
	}
}

// Run runs the program over all objects, for a program that writes nothing.
func (it *Iterator) Run() error { return it.Each(0, nil) }

// Close detaches the iterator.
func (it *Iterator) Close() error { return it.link.Close() }
