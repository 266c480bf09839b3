package payload

import (
	"bytes"
	"net/netip"
	"testing"
	"unsafe"

	"datakit.dev/agent/internal/bpf"
)

// record is what the programs put into the ring for p, with n bytes of data
// in a record of the given capacity.
func record(p skbPacket, data string, capacity int) []byte {
	b := append(bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&p)), headSize)), make([]byte, capacity)...)
	copy(b[headSize:], data)
	return b
}

func TestDecode(t *testing.T) {
	in := skbPacket{Time: 7, Seq: 1 << 31, Len: 2000, Captured: 5, Kind: uint8(HTTP), Flags: uint8(skbFlagFLAG_EGRESS)}
	in.End = skbEndpoint{Cookie: 9, Netns: 3, Pid: 42, LocalPort: 80, RemotePort: 40000, Comm: [16]int8{'c', 'u', 'r', 'l'}}
	in.End.Local = netip.MustParseAddr("::ffff:10.0.0.1").As16()
	in.End.Remote = netip.MustParseAddr("fd00::2").As16()
	var p Packet
	b := record(in, "GET /garbage", 256)
	if !p.decode(b) {
		t.Fatal("refused")
	}
	if string(p.Data) != "GET /" || p.Size() != bpf.Header+len(b) || p.Of() != HTTP || !p.Sent() || p.Closed() || p.Orphan() {
		t.Errorf("%+v", p)
	}
	if p.Local() != netip.MustParseAddrPort("10.0.0.1:80") || p.Remote() != netip.MustParseAddrPort("[fd00::2]:40000") || string(p.Comm()) != "curl" {
		t.Errorf("%v %v %q", p.Local(), p.Remote(), p.Comm())
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":                        nil,
		"half a head":                    make([]byte, headSize-1),
		"more captured than there are":   record(skbPacket{Captured: 257}, "", 256),
		"captured without room for data": record(skbPacket{Captured: 1}, "", 0),
	} {
		t.Run(name, func(t *testing.T) {
			if (&Packet{}).decode(b) {
				t.Error("accepted")
			}
		})
	}
}

// TestSizes: the records of the programs have the sizes that accounts of the
// ring assume, multiples of 8.
func TestSizes(t *testing.T) {
	if headSize%8 != 0 || unsafe.Sizeof(skbFlowKey{})%8 != 0 || unsafe.Sizeof(skbFlow{})%8 != 0 {
		t.Errorf("sizes %d, %d, %d", headSize, unsafe.Sizeof(skbFlowKey{}), unsafe.Sizeof(skbFlow{}))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(record(skbPacket{Captured: 5, Len: 5}, "hello", 256))
	f.Add(record(skbPacket{Captured: 4096}, "", 4096))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packet
		if !p.decode(b) {
			return
		}
		if len(p.Data) != int(p.Captured) || !bytes.Equal(p.Data, b[headSize:][:p.Captured]) {
			t.Errorf("%d bytes of %d", len(p.Data), p.Captured)
		}
		_, _, _ = p.Local(), p.Remote(), p.Comm()
	})
}

func TestFlowOf(t *testing.T) {
	k := skbFlowKey{Cookie: 1, Local: netip.MustParseAddr("::1").As16(), Remote: netip.MustParseAddr("::ffff:1.2.3.4").As16(), LocalPort: 53, RemotePort: 999}
	v := skbFlow{Written: 1, Read: 2, Sent: 3, Received: 4, Cgroup: 5, Netns: 6, Pid: 7, Comm: [16]int8{'x'}, First: uint8(skbSideSIDE_EGRESS)}
	want := Flow{
		Cookie: 1, Local: netip.MustParseAddrPort("[::1]:53"), Remote: netip.MustParseAddrPort("1.2.3.4:999"),
		Written: 1, Read: 2, Sent: 3, Received: 4, Cgroup: 5, Netns: 6, PID: 7, Comm: "x", Outgoing: true,
	}
	if got := flowOf(&k, &v); got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	v.First = uint8(skbSideSIDE_INGRESS)
	if flowOf(&k, &v).Outgoing {
		t.Error("a server is taken for a client")
	}
}
