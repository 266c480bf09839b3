package tls

import (
	"bytes"
	"net/netip"
	"testing"
	"unsafe"
)

// record is a record as the kernel writes it.
func record(h callsSegment, data string) []byte {
	head := unsafe.Slice((*byte)(unsafe.Pointer(&h)), segmentSize)
	return append(bytes.Clone(head), data...)
}

func TestDecode(t *testing.T) {
	var h callsSegment
	h.Id, h.Pid, h.Len, h.Captured = 9, 7, 100, 5
	h.At.Netns, h.At.LocalPort, h.At.RemotePort = 3, 40000, 443
	h.At.Local = netip.MustParseAddr("::ffff:10.0.0.1").As16()
	h.At.Remote = netip.MustParseAddr("fd00::1").As16()
	var s segment
	if !s.decode(record(h, "hello, and room that is not used")) || string(s.data) != "hello" || !s.bound() {
		t.Errorf("%+v", s)
	}
	at := s.endpoint()
	if at.Local.String() != "10.0.0.1:40000" || at.Remote.String() != "[fd00::1]:443" || at.PID != 7 || at.Netns != 3 {
		t.Errorf("%+v", at)
	}
	for name, change := range map[string]func(*callsSegment){
		"more than there is":     func(h *callsSegment) { h.Captured = 6 },
		"more than the call had": func(h *callsSegment) { h.Len = 4 },
		"unknown kind":           func(h *callsSegment) { h.Kind = 3 },
		"unknown side":           func(h *callsSegment) { h.Side = 2 },
	} {
		broken := h
		change(&broken)
		if s.decode(record(broken, "hello")) {
			t.Errorf("%s: decoded", name)
		}
	}
	if s.decode(record(h, "")[:segmentSize-1]) {
		t.Error("decoded half a record")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(record(callsSegment{Len: 5, Captured: 5}, "hello"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s segment
		if s.decode(b) && (len(s.data) > len(b)-segmentSize || uint32(len(s.data)) > s.Len) {
			t.Errorf("%d bytes of %d", len(s.data), len(b))
		}
	})
}
