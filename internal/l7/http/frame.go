package http

import "encoding/binary"

// frameHeader is the beginning of a frame (RFC 9113 §4.1).
type frameHeader struct {
	length uint32
	kind   frameKind
	flags  uint8
	stream uint32
}

const frameHeaderSize = 9

type frameKind uint8

const (
	frameData         frameKind = 0
	frameHeaders      frameKind = 1
	framePriority     frameKind = 2
	frameReset        frameKind = 3
	frameSettings     frameKind = 4
	framePushPromise  frameKind = 5
	framePing         frameKind = 6
	frameGoAway       frameKind = 7
	frameWindowUpdate frameKind = 8
	frameContinuation frameKind = 9
)

const (
	flagEndStream  = 0x1 // DATA, HEADERS
	flagAck        = 0x1 // SETTINGS, PING
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

func parseFrameHeader(b []byte) frameHeader {
	return frameHeader{
		length: uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]),
		kind:   frameKind(b[3]), flags: b[4],
		stream: binary.BigEndian.Uint32(b[5:]) &^ (1 << 31),
	}
}

// end reports that the frame ends its side of the stream.
func (f frameHeader) end() bool {
	return (f.kind == frameData || f.kind == frameHeaders) && f.flags&flagEndStream != 0
}

// valid reports whether length and stream are what the type demands. Types
// that are not known are ignored, as the RFC asks.
func (f frameHeader) valid() bool {
	switch f.kind {
	case frameData, frameHeaders, frameContinuation:
		return f.stream != 0
	case framePriority:
		return f.stream != 0 && f.length == 5
	case frameReset:
		return f.stream != 0 && f.length == 4
	case frameSettings:
		return f.stream == 0 && f.length%6 == 0 && (f.flags&flagAck == 0 || f.length == 0)
	case framePushPromise:
		return f.stream != 0 && f.length > 4
	case framePing:
		return f.stream == 0 && f.length == 8
	case frameGoAway:
		return f.stream == 0 && f.length >= 8
	case frameWindowUpdate:
		return f.length == 4
	}
	return true
}

// strict reports whether senders put this at the beginning of a segment. It is
// for where it is not known that a frame begins there.
func (f frameHeader) strict() bool {
	flags, usual := uint8(0), uint32(1<<20) // the largest frames of common implementations
	switch f.kind {
	case frameData:
		flags = flagEndStream | flagPadded
	case frameHeaders:
		flags = flagEndStream | flagEndHeaders | flagPadded | flagPriority
	case framePushPromise:
		flags = flagEndHeaders | flagPadded
	case frameSettings, framePing:
		flags, usual = flagAck, 600
	case frameGoAway:
		usual = 16 << 10
	case framePriority, frameReset, frameWindowUpdate:
	default:
		return false
	}
	return f.valid() && f.flags&^flags == 0 && f.length <= usual
}

// fragment returns the header block fragment in the payload of HEADERS,
// PUSH_PROMISE or CONTINUATION, of which b is what was captured.
func (f frameHeader) fragment(b []byte) ([]byte, bool) {
	length, pad, skip := int(f.length), 0, 0
	if f.kind == frameContinuation {
		return b, true
	}
	if f.flags&flagPadded != 0 {
		if len(b) == 0 {
			return nil, false
		}
		pad, skip = int(b[0]), 1
	}
	switch {
	case f.kind == framePushPromise:
		skip += 4
	case f.flags&flagPriority != 0:
		skip += 5
	}
	if length < skip+pad {
		return nil, false
	}
	b = b[:min(len(b), length-pad)]
	return b[min(skip, len(b)):], true
}

// frames walks over the frames at the beginning of v, where a frame is
// supposed to begin. each gets those of which the payload was captured, with
// it. ok: all were strict. exact: the last one ends where v does.
func (v *view) frames(each func(frameHeader, []byte)) (ok, exact bool) {
	b, n := v.data, v.n
	for len(b) >= frameHeaderSize {
		f := parseFrameHeader(b)
		if !f.strict() || b[5]&0x80 != 0 {
			return false, false
		}
		ok = true
		size := frameHeaderSize + int(f.length)
		if size <= len(b) {
			each(f, b[frameHeaderSize:size])
		}
		if n -= size; n <= 0 {
			return true, n == 0
		}
		b = b[min(size, len(b)):]
	}
	return ok, false
}
