package ebpfnet

import (
	"net/netip"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"

	"datakit.dev/agent/internal/flow"
)

func TestRecordMeanings(t *testing.T) {
	var r record
	copy(r.Local[:], netip.MustParseAddr("::ffff:10.1.2.3").AsSlice())
	copy(r.Remote[:], netip.MustParseAddr("fd00::1").AsSlice())
	r.LocalPort, r.RemotePort = 80, 40000
	if got := r.local(); got != netip.MustParseAddrPort("10.1.2.3:80") {
		t.Errorf("local %v, want it unmapped", got)
	}
	if got := r.remote(); got != netip.MustParseAddrPort("[fd00::1]:40000") {
		t.Errorf("remote %v", got)
	}
	for role, want := range map[tcpStateRole]flow.Direction{
		tcpStateRoleROLE_UNKNOWN: flow.Unknown, tcpStateRoleROLE_ACTIVE: flow.Outgoing, tcpStateRoleROLE_PASSIVE: flow.Incoming,
	} {
		if r.Role = uint8(role); r.direction() != want {
			t.Errorf("role %d is %v, want %v", role, r.direction(), want)
		}
	}
	for i, c := range "sixteen bytes ok" { // without a terminator
		r.Comm[i] = int8(c)
	}
	if got := r.process(); got != "sixteen bytes ok" {
		t.Errorf("process %q", got)
	}
	r.Comm[2] = 0
	if got := r.process(); got != "si" {
		t.Errorf("process %q", got)
	}
}

func TestDecodeRefusesOtherSizes(t *testing.T) {
	var r record
	for _, n := range []int{0, 8, recordSize - 1, recordSize + 1} {
		if r.decode(make([]byte, n)) {
			t.Errorf("took %d bytes", n)
		}
	}
	if !r.decode(make([]byte, recordSize)) {
		t.Errorf("refused %d bytes", recordSize)
	}
}

// TestLayout: what bpf2go made of struct conn is what the compiled objects
// hold, in all of them.
func TestLayout(t *testing.T) {
	for name, load := range map[string]func() (*ebpf.CollectionSpec, error){
		"state": loadTcpState, "scan": loadTcpScan, "owner": loadTcpOwner,
	} {
		spec, err := load()
		must(t, err)
		if got := spec.Maps["conns"].ValueSize; int(got) != recordSize {
			t.Errorf("%s: struct conn has %d bytes, the Go type %d", name, got, recordSize)
		}
	}
	if unsafe.Sizeof(tcpStateCounts{})/8 != uintptr(tcpStateCounterCOUNTERS) {
		t.Error("counters without a name")
	}
}
