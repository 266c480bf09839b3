package http

import "strings"

// detect looks at v, which is no HTTP/1, for HTTP/2. It returns whether v was
// dealt with; wait says that v has to wait for what the other side sends.
func (c *Conn) detect(from Side, v *view) (done, wait bool) {
	if !v.fresh {
		return false, false
	}
	certain, client, first := false, from, frameHeader{kind: 0xff}
	var probe decoder
	probe.table = newTable(true)
	ok, exact := v.frames(func(f frameHeader, payload []byte) {
		if first.kind == 0xff {
			first = f
		}
		if f.kind != frameHeaders || f.flags&flagEndHeaders == 0 || f.stream&1 == 0 || certain {
			return
		}
		got := fields{grpcStatus: -1}
		block, fits := f.fragment(payload)
		if !fits || probe.decode(block, got.add) != nil {
			return
		}
		switch {
		case got.method != nil && method(got.method) != otherMethod:
			certain = true
		case got.status != 0:
			certain, client = true, from^1
		}
	})
	switch {
	case ok && certain:
		c.decide(client)
		c.speak2(len(preface), [2]bool{})
		return true, false
	case !ok || !exact:
		return false, false
	}
	c.hinted = true
	// A server may send its settings before it gets the preface.
	return false, first.kind == frameSettings && c.sides[from].last == 0
}

// prefaced reports that all of the side so far is a beginning of HTTP/2's
// preface, the rest of which is still to come.
func (s *stream) prefaced() bool {
	return s.split && strings.HasPrefix(preface, string(s.buf))
}
