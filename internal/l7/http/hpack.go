package http

import "errors"

// errBlock: a header block that cannot be decoded. What follows it on its
// connection cannot be either, but for what is new.
var errBlock = errors.New("decode header block: invalid or cut")

// decoder decodes the header blocks of one direction (RFC 7541).
type decoder struct {
	table
	scratch []byte // decoded Huffman strings of one block
}

// decode calls emit with the fields of a block in order, as far as they can be
// decoded. A field of which name and value are unknown has a nil name. The
// slices are valid until the next call.
func (h *decoder) decode(block []byte, emit func(field)) error {
	// No string can decode to more, so scratch never moves.
	if need := len(block)*8/5 + 1; cap(h.scratch) < need {
		h.scratch = make([]byte, 0, need)
	}
	h.scratch = h.scratch[:0]
	defer func() {
		if cap(h.scratch) > maxScratch {
			h.scratch = nil
		}
	}()
	r := reader{b: block, h: h}
	for len(r.b) > 0 {
		switch b := r.b[0]; {
		case b&0x80 != 0: // indexed field
			f, ok := h.at(r.integer(7))
			if !ok || r.failed {
				return errBlock
			}
			emit(f)
		case b&0xc0 == 0x40: // literal, to be indexed
			f, named := r.literal(6)
			if r.failed {
				return errBlock
			}
			emit(f)
			h.add(f, named)
		case b&0xe0 == 0x20: // table size
			size := r.integer(5)
			if r.failed {
				return errBlock
			}
			h.resize(size)
		default: // literal, not indexed or never indexed
			f, _ := r.literal(4)
			if r.failed {
				return errBlock
			}
			emit(f)
		}
	}
	return nil
}

// maxScratch is what an idle connection keeps of scratch.
const maxScratch = 1 << 10

// reader reads the primitive types of a block.
type reader struct {
	b      []byte
	h      *decoder
	failed bool
}

// literal reads a field with a name by index or in full.
func (r *reader) literal(prefix uint) (f field, named bool) {
	if index := r.integer(prefix); index > 0 {
		old, ok := r.h.at(index)
		if !ok {
			r.failed = true
		}
		f.name, named = old.name, true
	} else {
		f.name = r.text()
	}
	f.value = r.text()
	return f, named
}

// integer reads RFC 7541 §5.1.
func (r *reader) integer(prefix uint) uint64 {
	if len(r.b) == 0 {
		r.failed = true
		return 0
	}
	mask := byte(1)<<prefix - 1
	n := uint64(r.b[0] & mask)
	r.b = r.b[1:]
	if n < uint64(mask) {
		return n
	}
	for shift := 0; shift < 63 && len(r.b) > 0; shift += 7 {
		c := r.b[0]
		r.b = r.b[1:]
		n += uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			return n
		}
	}
	r.failed = true
	return 0
}

// text reads a string; never nil.
func (r *reader) text() []byte {
	if len(r.b) == 0 {
		r.failed = true
		return nil
	}
	coded := r.b[0]&0x80 != 0
	n := r.integer(7)
	if r.failed || n > uint64(len(r.b)) {
		r.failed = true
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	if !coded {
		return s
	}
	from := len(r.h.scratch)
	all, ok := huffman.decode(r.h.scratch, s)
	if !ok {
		r.failed = true
		return nil
	}
	r.h.scratch = all
	return all[from:len(all):len(all)]
}
