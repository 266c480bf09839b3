package nic

import (
	"net/netip"
	"testing"
)

// As written by a little-endian machine, which all ours are.
const (
	procTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18037 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18038 1 0000000000000000 100 0 0 10 0
   2: 0100007F:0BB8 0100007F:8AE2 01 00000000:00000000 02:000001C1 00000000     0        0 18040 2 0000000000000000 20 4 30 10 -1
   3: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18041 1 0000000000000000 100 0 0 10 0
`
	procTCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18042 1 0000000000000000 100 0 0 10 0
   1: 000078FD000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18043 1 0000000000000000 100 0 0 10 0
`
)

func TestProcTables(t *testing.T) {
	l := newListeners()
	l.addTable([]byte(procTCP))
	l.addTable([]byte(procTCP6))
	for address, want := range map[string]bool{
		"10.0.0.1:22": true, "[fd78::1]:22": false,
		"127.0.0.1:8080": true, "10.0.0.1:8080": false,
		"127.0.0.1:3000": false, // connected
		"127.0.0.1:9000": false, // behind the listening ones: not looked at
		"[::1]:80":       true, "10.0.0.1:80": true,
		"[fd78::1]:443": true, "[fd78::2]:443": false,
	} {
		if got := l.Has(netip.MustParseAddrPort(address)); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

func FuzzProcTable(f *testing.F) {
	f.Add([]byte(procTCP))
	f.Add([]byte(procTCP6))
	f.Add([]byte("heading\n 0: 0100007:0016 0 0A\n 1: 00:1 0 0A\n 2: zz:1 0 0A\n 3: 00000000 0 0A\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newListeners()
		l.addTable(b)
		if n := len(l.addrs) + len(l.any4) + len(l.any6); n > len(b) {
			t.Fatalf("%d listeners in %d bytes", n, len(b))
		}
	})
}

func FuzzListener(f *testing.F) {
	f.Add(make([]byte, diagMessage))
	f.Add(append([]byte{10, tcpListen}, make([]byte, diagMessage+6)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if local, _, ok := listener(b); ok && !local.IsValid() {
			t.Fatalf("%v of % x", local, b)
		}
	})
}
